"""What the app waits for: each send, from the call to its acknowledgement. First on disk, then out."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

from ringpost_client.errors import ClientError, Refused
from ringpost_client.events import Ack
from ringpost_client.journal import Fsync, Journal
from ringpost_client.outbox import Outbox, Pending
from ringpost_client.session import Acked, Action, Failed


class Sends:
    """The outbox with its journal (if *path* is given) and the futures of its sends. *out* gets what may go out.

    Raises:
        OutboxLocked: another process has that journal.
    """

    def __init__(self, path: Path | None, fsync: Fsync, out: Callable[[Pending], None]) -> None:
        self._journal = Journal(path, fsync) if path else None
        self.outbox = self._journal.outbox if self._journal else Outbox()
        self._out = out
        self._unsaved: list[Pending] = []
        self._futures: dict[tuple[str, str], asyncio.Future[Ack]] = {}
        self._changed = asyncio.Event()
        self._error: ClientError | None = None

    def add(self, conversation: str, text: str, id: str | None) -> asyncio.Future[Ack]:
        """Take a send; one that is in the outbox already, be it from an earlier process, is the same one."""
        if self._error is not None:
            raise self._error
        _check(text)
        known = len(self.outbox)
        pending = self.outbox.add(conversation, id or str(uuid.uuid4()), text)
        future = self._futures.get((conversation, pending.id))
        if future is None:
            future = self._futures[conversation, pending.id] = asyncio.get_running_loop().create_future()
        if len(self.outbox) > known:
            self._keep(pending)
        return future

    def hear(self, action: Action) -> None:
        """Take what a session tells of sends."""
        if isinstance(action, Acked):
            for ack in action.acks:
                self._settle(ack.conversation, ack.id, ack)
        elif isinstance(action, Failed):
            self._settle(action.conversation, action.id, Refused(action.code, action.detail))

    def fail(self, error: ClientError) -> None:
        """End every wait with *error*; the outbox stays as it is."""
        self._error = self._error or error
        for future in self._futures.values():
            if not future.done():
                future.set_exception(self._error)
                future.exception()  # whoever does not wait for it needs no warning: it is still in the outbox
        self._futures.clear()
        self._changed.set()

    async def drained(self) -> None:
        """Wait until the outbox is empty; raise what ended it before."""
        while self.outbox:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _keep(self, pending: Pending) -> None:
        """Put it on disk; what is sent in one turn of the loop shares one write."""
        if self._journal is None:
            self._out(pending)
            return
        if not self._unsaved:
            asyncio.get_running_loop().call_soon(self._commit)
        self._unsaved.append(pending)

    def _commit(self) -> None:
        unsaved, self._unsaved = self._unsaved, []
        if self._journal is None or self._error is not None:
            return
        try:
            self._journal.write(unsaved)
        except OSError as error:
            for pending in unsaved:
                self.outbox.settle(pending.conversation, pending.id)
                self._futures.pop((pending.conversation, pending.id)).set_exception(error)
            return
        for pending in unsaved:
            self._out(pending)

    def _settle(self, conversation: str, id: str, outcome: Ack | Refused) -> None:
        if self._journal is not None:
            self._journal.settle(conversation, id)
        self._changed.set()
        future = self._futures.pop((conversation, id), None)
        if future is None or future.done():
            return
        if isinstance(outcome, Ack):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("invalid", "The text has a lone surrogate.") from None
