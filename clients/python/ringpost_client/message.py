"""What the app said, and what became of it."""

import asyncio
from enum import StrEnum
from typing import Any, Protocol

from ringpost_client.errors import ClientError
from ringpost_client.events import Ack
from ringpost_client.outbox import Change, Pending


class MessageState(StrEnum):
    """PENDING until it is committed (SENT) or was refused for good (FAILED); a failed one may be sent again, or DISCARDED."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    DISCARDED = "discarded"


class Outlet(Protocol):
    """Where a message that failed goes."""

    def retry(self, message: "Message") -> None: ...

    def discard(self, message: "Message") -> None: ...


class Message:
    """A message, or an edit, a deletion, a reaction: `type` says which. `seq` and `at` are there once it is sent.

    `acknowledged` ends with the acknowledgement, or raises why there is none: Refused or StoreFailed (it has failed), Closed or
    Stopped (the client ended; it is still in the outbox, if that is on disk). A retry has another one.
    """

    def __init__(self, conversation: str, id: str, change: Change, outlet: Outlet) -> None:
        self.conversation, self.id, self.change = conversation, id, change
        self._outlet = outlet
        self.state = MessageState.PENDING
        self.seq: int | None = None
        self.at: str | None = None
        self.error: ClientError | None = None
        self.on_its_way: Pending | None = None  # set once it may go out
        self._stored: asyncio.Future[None] | None = None
        self.acknowledged: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"Message({self.type} {self.id}, {self.state})"

    async def stored(self) -> None:
        """Wait until it is on the disk, if there is one: from then on it will be sent, whatever happens to this process.

        Raises:
            StoreFailed: the disk does not take it.
            Closed, Stopped: the client ended before.
        """
        if self.on_its_way is None and not self.acknowledged.done():
            self._stored = self._stored or asyncio.get_running_loop().create_future()
            await asyncio.wait((self._stored, self.acknowledged), return_when=asyncio.FIRST_COMPLETED)
        if self.on_its_way is None:
            await self.acknowledged

    @property
    def type(self) -> str:
        """`send`, `edit`, `delete`, `react` or `unreact`."""
        return str(self.change["type"])

    @property
    def text(self) -> str:
        """What was typed; empty for what has no text."""
        return str(self.change.get("text", ""))

    @property
    def attempts(self) -> int:
        """How often it went out."""
        return self.on_its_way.attempts if self.on_its_way is not None else 0

    @property
    def reply_to(self) -> int | None:
        return self._number("reply_to")

    @property
    def target(self) -> int | None:
        """The seq of the message that this is about; None for a message."""
        return self._number("seq")

    def retry(self) -> None:
        """Send it again, after it failed: it goes behind what was said since. The client must be open, as for `discard`."""
        if self.state is MessageState.FAILED:
            self._outlet.retry(self)

    def discard(self) -> None:
        """Give it up, after it failed."""
        if self.state is MessageState.FAILED:
            self._outlet.discard(self)

    # What becomes of it; called by the client.

    def admit(self, pending: Pending) -> None:
        """It may go out."""
        self.on_its_way = pending
        if self._stored is not None:
            self._stored.set_result(None)

    def reopen(self) -> None:
        self.state, self.error = MessageState.PENDING, None
        self.on_its_way = self._stored = None
        self.acknowledged = asyncio.get_running_loop().create_future()

    def settle(self, ack: Ack) -> None:
        self.state, self.seq, self.at = MessageState.SENT, ack.seq, ack.at
        if not self.acknowledged.done():
            self.acknowledged.set_result(ack)

    def fail(self, error: ClientError) -> None:
        self.state, self.error = MessageState.FAILED, error
        self.abandon(error)

    def abandon(self, error: ClientError) -> None:
        """Nobody is to wait any longer."""
        if not self.acknowledged.done():
            self.acknowledged.set_exception(error)
            self.acknowledged.exception()  # whoever does not wait for it needs no warning: the state says it too

    def _number(self, name: str) -> int | None:
        number: Any = self.change.get(name)
        return None if number is None else int(number)
