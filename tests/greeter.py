"""Servers for tests of routers, as gateways are one: `python -m tests.greeter HOST PORT NAME`.

A greeter answers `GET /ready`, says its name and its peer's address in a line to whoever sends `who`, and echoes everything
else. Its backlog is long, and it says nothing on its own.
"""

import asyncio
import sys
from typing import cast

import uvloop

BACKLOG = 16_384
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Greeter(asyncio.Protocol):
    """One connection."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /ready"):
            self._transport.write(READY)
            self._transport.close()
        elif data == b"who\n":
            peer = self._transport.get_extra_info("peername")
            self._transport.write(f"{self._name} {peer[0]}\n".encode())
        else:
            self._transport.write(data)


async def serve(host: str, port: int, name: str) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Greeter(name), host, port, backlog=BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
