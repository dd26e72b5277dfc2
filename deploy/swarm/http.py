"""An HTTP/1.1 client of a few lines: one request at a time on a connection, answers with a Content-Length."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from deploy.swarm.websocket import Address

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Status 0: the connection ended before there was one."""

    status: int
    body: bytes


LOST = Answer(0, b"the connection ended")


def make_request(method: str, path: str, token: str, body: bytes | None = None) -> bytes:
    """Return a whole request, ready to be written."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Connection(asyncio.Protocol):
    """A kept connection."""

    __slots__ = ("_buffer", "_on_answer", "_transport")

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = b""
        self._on_answer: Callable[[Answer], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass

    def ask(self, request: bytes, on_answer: Callable[[Answer], None]) -> None:
        """Send a request; *on_answer* gets what comes back. The one before must have been answered."""
        self._on_answer = on_answer
        if self._transport.is_closing():
            self._settle(LOST)
        else:
            self._transport.write(request)

    async def answer(self, request: bytes) -> Answer:
        """Send a request and return what comes back."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(request, lambda answer: None if answered.done() else answered.set_result(answer))
        return await answered

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        head_end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, head_end) if head_end >= 0 else None
        if length is not None and len(data) >= head_end + 4 + int(length[1]):
            self._buffer = b""
            self._settle(Answer(int(data[9:12]), data[head_end + 4 :]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(LOST)

    def close(self) -> None:
        self._on_answer = None
        self._transport.close()

    def _settle(self, answer: Answer) -> None:
        on_answer, self._on_answer = self._on_answer, None
        if on_answer is not None:
            on_answer(answer)


async def open_connection(address: Address) -> Connection:
    host, port = address
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return connection
