"""The write socket: sends in any number in flight, acknowledged in batches, put off in order."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.write.committer import Committer
from services.write.queue import Result
from shared import frames
from shared.errors import IdReused, NotFound, PutOff, RingpostError
from shared.storage.append import Message, Outcome, Status
from shared.storage.conversations import digest
from shared.text import check_text
from shared.websocket.socket import Socket

_REFUSALS: dict[Status, type[RingpostError]] = {Status.ID_REUSED: IdReused, Status.NOT_FOUND: NotFound}


def as_error(result: Result) -> RingpostError | None:
    """Return the error that *result* means to a sender, if it means one."""
    if isinstance(result, RingpostError):
        return result
    kind = _REFUSALS.get(result.status)
    return kind() if kind is not None else None


def make_message(conversation: UUID, sender: str, id: UUID, text: str) -> Message:
    """Return a send as it is to be stored; raise Invalid or TooLarge for a text that is not one."""
    return Message(conversation, sender, id, check_text(text), digest("message", text))


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

    __slots__ = ("_put_offs", "_socket")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._put_offs = PutOffs()

    def send(self, frame: frames.Send, committer: Committer) -> None:
        """Queue a send, or tell why not."""
        try:
            message = make_message(frame.conversation, self._socket.user, frame.id, frame.text)
            if not self._put_offs.admits(frame.conversation, again=frame.again):
                raise PutOff
            committer.offer(message, self)
        except RingpostError as error:
            self._fail(frame.conversation, frame.id, error)

    def settle(self, results: Sequence[tuple[Message, Result]]) -> None:
        acks: list[dict[str, Any]] = []
        for message, result in results:
            error = as_error(result)
            if error is not None:
                self._fail(message.conversation, message.id, error)
            elif isinstance(result, Outcome):
                acks.append(acknowledgement(message, result) | {"duplicate": result.status is Status.DUPLICATE})
        if acks:
            self._socket.send(frames.encode({"type": "acks", "acks": acks}))

    def _fail(self, conversation: UUID, id: UUID, error: RingpostError) -> None:
        if error.retryable:
            self._put_offs.put_off(conversation)
        self._socket.refuse(error, conversation=conversation, id=id)


def acknowledgement(message: Message, outcome: Outcome) -> dict[str, Any]:
    """Return what a sender hears of a stored send."""
    return {"conversation": message.conversation, "id": message.id, "seq": outcome.seq, "at": outcome.at}


class WriteRole:
    """The sockets' role `write`."""

    name = "write"
    takes: tuple[type, ...] = (frames.Send,)

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._lanes: dict[Socket, Lane] = {}

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        self._lanes[socket] = Lane(socket)
        return {}

    def opened(self, socket: Socket) -> None:
        """Nothing to begin: the client speaks first."""

    def receive(self, socket: Socket, frame: frames.Send) -> None:
        self._lanes[socket].send(frame, self._committer)

    def closed(self, socket: Socket) -> None:
        self._lanes.pop(socket, None)
