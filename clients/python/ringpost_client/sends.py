"""What the app says, from the call to the acknowledgement: first on disk, then out."""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from functools import partial

from ringpost_client.bounds import as_id, check
from ringpost_client.disk import Disk
from ringpost_client.errors import ClientError, Refused, StoreFailed
from ringpost_client.message import Message, MessageState
from ringpost_client.outbox import Change, Outbox, Pending
from ringpost_client.session import Acked, Action, Failed
from ringpost_client.store import Drop, Fail, Kept, Put


class Sends:
    """The messages that are pending or failed. `outbox` has those that may go out: they are on the *disk*, if there is one.

    *out* gets each that may go out, *changed* each whose state has changed. What the disk does not take fails, or, where
    *memory_will_do*, goes out all the same.
    """

    def __init__(
        self, disk: Disk | None, out: Callable[[Pending], None], changed: Callable[[Message], None], *, memory_will_do: bool
    ) -> None:
        self._disk, self._out, self._changed = disk, out, changed
        self._memory_will_do = memory_will_do
        self.outbox = Outbox()
        self._messages: dict[tuple[str, str], Message] = {}
        self.pending = 0
        self._settled = asyncio.Event()
        self._error: ClientError | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is pending or failed, in the order in which it was said."""
        return tuple(self._messages.values())

    def restore(self, kept: Iterable[Kept]) -> None:
        """Take what the process before has left; nothing goes out by that."""
        for each in kept:
            message = self._remember(each.conversation, each.id, each.change)
            message.admit(self.outbox.add(each.conversation, each.id, each.change))
            if each.failed is not None:
                self.outbox.fail(each.conversation, each.id)
                self._end(message, Refused(*each.failed))

    def add(self, conversation: str, change: Change, id: str | None) -> Message:
        """Take what is said; what is there already, be it from an earlier process, is the same message.

        Raises:
            Refused: no frame can carry it, or its id is there as something else.
        """
        if self._error is not None:
            raise self._error
        id = as_id(id) if id is not None else str(uuid.uuid4())
        check(conversation, id, change)
        known = self._messages.get((conversation, id))
        if known is None:
            known = self._remember(conversation, id, change)
            self._keep(known)
        elif known.change != change:
            raise Refused("id_reused", "This id is in the outbox as something else.")
        return known

    async def has_room(self) -> None:
        """Wait while very much is not on the disk yet."""
        if self._disk is not None:
            await self._disk.has_room()

    def hear(self, action: Action) -> None:
        """Take what a session tells of sends."""
        if isinstance(action, Acked):
            for ack in action.acks:
                self._drop(ack.conversation, ack.id)
                message = self._forget(ack.conversation, ack.id)
                if message is not None:
                    message.settle(ack)
                    self._count(message)
        elif isinstance(action, Failed):
            if self._disk is not None:
                self._disk.write(Fail(action.conversation, action.id, action.code, action.detail))
            self._end(self._messages[action.conversation, action.id], Refused(action.code, action.detail))

    def retry(self, message: Message) -> None:
        if self._error is not None:
            raise self._error
        message.reopen()
        self._forget(message.conversation, message.id)
        self._messages[message.conversation, message.id] = message
        self.pending += 1
        self._changed(message)
        self._keep(message)

    def discard(self, message: Message) -> None:
        if self._error is not None:
            raise self._error
        self.outbox.discard(message.conversation, message.id)
        self._drop(message.conversation, message.id)
        self._forget(message.conversation, message.id)
        message.state = MessageState.DISCARDED
        self._changed(message)

    def fail(self, error: ClientError) -> None:
        """End every wait with *error*; the outbox stays as it is."""
        self._error = self._error or error
        for message in self._messages.values():
            message.abandon(self._error)
        self._settled.set()

    async def drained(self) -> None:
        """Wait until nothing is pending; raise what ended it before."""
        while self.pending:
            if self._error is not None:
                raise self._error
            self._settled.clear()
            await self._settled.wait()

    def _remember(self, conversation: str, id: str, change: Change) -> Message:
        message = self._messages[conversation, id] = Message(conversation, id, change, self)
        self.pending += 1
        return message

    def _keep(self, message: Message) -> None:
        if self._disk is None:
            self._admit(message)
        else:
            self._disk.write(Put(message.conversation, message.id, message.change), partial(self._stored, message))

    def _stored(self, message: Message, fault: StoreFailed | None) -> None:
        if fault is not None and not self._memory_will_do:
            self._end(message, fault)
        else:
            self._admit(message)

    def _admit(self, message: Message) -> None:
        """It may go out."""
        if self._error is None:
            conversation, id = message.conversation, message.id
            pending = self.outbox.retry(conversation, id) or self.outbox.add(conversation, id, message.change)
            message.admit(pending)
            self._out(pending)

    def _end(self, message: Message, error: ClientError) -> None:
        """It has failed."""
        message.fail(error)
        self._count(message)

    def _count(self, message: Message) -> None:
        """One is pending no longer."""
        self.pending -= 1
        self._settled.set()
        self._changed(message)

    def _drop(self, conversation: str, id: str) -> None:
        if self._disk is not None:
            self._disk.write(Drop(conversation, id))

    def _forget(self, conversation: str, id: str) -> Message | None:
        return self._messages.pop((conversation, id), None)
