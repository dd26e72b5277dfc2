"""A read socket: a reading whose frames go to a WebSocket."""

from collections.abc import Mapping
from typing import Any

from services.read.channel import Push
from services.read.company import Company
from services.read.hub import Hub, Served
from services.read.reading import Reading
from services.read.readings import Readings
from services.read.resume import Cursor
from shared import frames
from shared.close_codes import CloseCode
from shared.storage.history import History
from shared.websocket.socket import Socket


class Session(Reading):
    """One socket's reading. A conversation's live frames go straight to the socket's edge; the inbox's come through `push`."""

    __slots__ = ("_socket",)

    def __init__(self, socket: Socket, hub: Hub, history: History) -> None:
        super().__init__(hub, history)
        self._socket = socket

    @property
    def user(self) -> str:
        return self._socket.user

    def send(self, payload: bytes) -> None:
        self._socket.send(payload)

    def write(self, served: Served, frame: bytes, push: Push) -> None:
        self._socket.push(frame)

    def offer(self, frame: bytes) -> None:
        """A socket gets these by its edge, which stands with the conversation; here comes nothing."""

    async def drained(self) -> None:
        await self._socket.drained()

    def end(self, code: CloseCode, reason: str) -> None:
        self._socket.close(code, reason)

    def enter(self, served: Served) -> None:
        if served.is_inbox:
            served.followers.add(self)
        else:
            served.edges.add(self._socket.edge)

    def withdraw(self, served: Served) -> None:
        served.followers.discard(self)
        served.edges.discard(self._socket.edge)

    def is_live(self, served: Served) -> bool:
        return self._socket.edge in served.edges or self in served.followers


class ReadRole:
    """The sockets' role `read`."""

    name = "read"
    takes: tuple[type, ...] = Company.takes

    def __init__(self, readings: Readings, company: Company, hub: Hub, history: History) -> None:
        self._readings, self._company, self._hub, self._history = readings, company, hub, history

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        cursor = Cursor(hello.epoch, hello.inbox, hello.positions, hello.first)
        return await self._readings.open(socket, Session(socket, self._hub, self._history), cursor)

    def opened(self, socket: Socket) -> None:
        self._readings.start(socket)

    def receive(self, socket: Socket, frame: Any) -> None:
        self._company.receive(socket, frame, self._readings.of(socket).follows)

    def closed(self, socket: Socket) -> None:
        self._readings.close(socket)
