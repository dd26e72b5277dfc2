"""An echo over the gateways' own WebSocket edge, for conformance tools and round-trip times: `python -m tests.bench.echo`."""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette

from shared import frames, limits
from shared.auth import Authenticator
from shared.web.http_policy import HttpPolicy
from shared.web.http_protocol import make_http_protocol
from shared.web.origins import Origins
from shared.websocket.edge import Edge
from shared.websocket.socket import PATH, Role, Socket, SocketPolicy, Sockets
from tests.gateways import JWT_KEY

MAX_SOCKETS = 100_000
POLICY = SocketPolicy(heartbeat_s=600, hello_timeout_s=600, max_sockets_per_user=MAX_SOCKETS, buffer_bytes=64 << 20)


class Echo:
    """The role of a socket that has said hello: a send comes back."""

    name = "echo"
    takes: tuple[type, ...] = (frames.Send,)

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        return {}

    def opened(self, socket: Socket) -> None:
        """The client speaks first."""

    def receive(self, socket: Socket, frame: frames.Send) -> None:
        socket.send(frames.encode(frame))

    def closed(self, socket: Socket) -> None:
        """Nothing is kept of a socket."""


class BareSocket(Socket):
    """A socket that knows no hello and no JSON: every text comes back as it is."""

    __slots__ = ()

    def texts(self, texts: Sequence[bytes]) -> None:
        self._is_heard = True
        for text in texts:
            self.send(text)


class BareSockets(Sockets):
    """Bare sockets, each message of which has at most *max_bytes*."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(*_arguments([]))
        self._max_bytes = max_bytes

    def accept(self, edge: Edge) -> Socket:
        socket = BareSocket(self, edge, time.monotonic())
        self._all.add(socket)
        edge.limit(self._max_bytes)
        return socket


def _arguments(roles: list[Role]) -> tuple[SocketPolicy, list[Role], Authenticator, Origins, dict[str, Any]]:
    return POLICY, roles, Authenticator(JWT_KEY, "HS256", None), Origins([]), {"gateway": "echo"}


async def serve(sockets: Sockets, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        Starlette(),
        host=host,
        port=port,
        http=make_http_protocol(HttpPolicy([], None, MAX_SOCKETS)),
        ws=partial(Edge, sockets),  # type: ignore[arg-type]  # uvicorn calls it, a class or not
        lifespan="off",
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    async with asyncio.TaskGroup() as tasks:
        sweeping = tasks.create_task(sockets.run())
        await uvicorn.Server(config).serve()
        sweeping.cancel()


def main() -> None:
    options = _parse(sys.argv[1:])
    sockets = Sockets(*_arguments([Echo()])) if options.hello else BareSockets(options.max_bytes)
    uvloop.run(serve(sockets, options.host, options.port))


def _parse(words: Sequence[str]) -> argparse.Namespace:
    about = f"Serve an echo at ws://HOST:PORT{PATH} over the class that the gateways use for their sockets."
    parser = argparse.ArgumentParser(prog="python -m tests.bench.echo", description=about)
    parser.add_argument("--port", type=int, required=True, help="where to listen")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    parser.add_argument(
        "--hello",
        action="store_true",
        help="as at a gateway: sockets say hello, with a token of tests.gateways.token, and frames of type `send` come back; "
        "without it there is no hello, and every text comes back as it is",
    )
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=limits.HELLO_BYTES,
        help=f"without --hello, the largest message, all its fragments together ({limits.HELLO_BYTES})",
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
