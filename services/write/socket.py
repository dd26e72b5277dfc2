"""The write socket: sends in any number in flight, acknowledged in batches, put off in order."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.write.intake import Intake
from services.write.queue import Result
from services.write.sends import Ack, as_error, make_event
from shared import frames
from shared.errors import PutOff, RingpostError
from shared.storage.append import NewEvent, Outcome, Status
from shared.websocket.socket import Socket

HELD_AFTER = 64  # refusals of which each told the client to wait


class PutOffs:
    """In which conversations a socket's sends are put off. A pure core (`docs/protocol.md`, put off, in order)."""

    def __init__(self) -> None:
        self._held: set[UUID] = set()

    def admits(self, conversation: UUID, *, again: bool) -> bool:
        """Say whether a send may be queued; *again* says that the client starts over with the first one put off."""
        if again:
            self._held.discard(conversation)
        return conversation not in self._held

    def put_off(self, conversation: UUID) -> None:
        """From here on nothing may overtake the send that was put off just now."""
        self._held.add(conversation)


class Lane:
    """One socket's sends."""

    __slots__ = ("_put_offs", "_refused", "_socket")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._put_offs = PutOffs()
        self._refused = 0

    def take(self, change: frames.Change, intake: Intake) -> None:
        """Queue a change, or tell why not."""
        try:
            event = make_event(change, self._socket.user)
            if not self._put_offs.admits(change.conversation, again=change.again):
                raise PutOff
            assert self._socket.identity is not None
            intake.offer(self._socket.identity, event, self)
        except RingpostError as error:
            self._fail(change.conversation, change.id, error)

    def settle(self, results: Sequence[tuple[NewEvent, Result]]) -> None:
        acks: list[Ack] = []
        for event, result in results:
            error = as_error(result)
            if error is not None:
                self._fail(event.conversation, event.id, error)
            elif isinstance(result, Outcome):
                acks.append(Ack(event.conversation, event.id, result.seq, result.at, result.status is Status.DUPLICATE))
        if acks:
            self._socket.send(frames.encode({"type": "acks", "acks": acks}))

    def _fail(self, conversation: UUID, id: UUID, error: RingpostError) -> None:
        if error.retryable:
            self._put_offs.put_off(conversation)
            self._refused += 1
            if self._refused % HELD_AFTER == 0 and error.retry_after_s is not None:
                self._socket.hold(error.retry_after_s)
        self._socket.refuse(error, conversation=conversation, id=id)


class WriteRole:
    """The sockets' role `write`."""

    name = "write"
    takes: tuple[type, ...] = (frames.Send, frames.Edit, frames.Delete, frames.React, frames.Unreact)

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._lanes: dict[Socket, Lane] = {}

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        self._lanes[socket] = Lane(socket)
        return {}

    def opened(self, socket: Socket) -> None:
        """Nothing to begin: the client speaks first."""

    def receive(self, socket: Socket, frame: frames.Change) -> None:
        self._lanes[socket].take(frame, self._intake)

    def closed(self, socket: Socket) -> None:
        self._lanes.pop(socket, None)
