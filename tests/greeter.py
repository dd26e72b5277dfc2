"""Servers for tests of routers, as gateways are one: `python -m tests.greeter HOST PORT NAME`.

A greeter answers `GET /ready`, says its name and its peer's address in a line to whoever sends `who`, and echoes everything
else. Its backlog is long, and it says nothing on its own. SIGUSR1 has it drain, SIGUSR2 not be ready, and again be.
"""

import asyncio
import signal
import sys
from typing import cast

import uvloop

BACKLOG = 16_384
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NOT_READY = b'HTTP/1.1 503 No\r\nConnection: close\r\n\r\n{"reasons": [%b]}'


class Health:
    """What it answers when it is looked at."""

    def __init__(self) -> None:
        self.answer = READY

    def drain(self) -> None:
        self.answer = NOT_READY % b'"draining"'

    def turn(self) -> None:
        self.answer = READY if self.answer != READY else NOT_READY % b'"told so"'


class Greeter(asyncio.Protocol):
    """One connection."""

    def __init__(self, name: str, health: Health) -> None:
        self._name, self._health = name, health

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /ready"):
            self._transport.write(self._health.answer)
            self._transport.close()
        elif data == b"who\n":
            peer = self._transport.get_extra_info("peername")
            self._transport.write(f"{self._name} {peer[0]}\n".encode())
        else:
            self._transport.write(data)


async def serve(host: str, port: int, name: str) -> None:
    """Serve until killed."""
    loop, health = asyncio.get_running_loop(), Health()
    loop.add_signal_handler(signal.SIGUSR1, health.drain)
    loop.add_signal_handler(signal.SIGUSR2, health.turn)
    server = await loop.create_server(lambda: Greeter(name, health), host, port, backlog=BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
