"""A wire that can be cut, or held so that nothing comes through and nothing is refused."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

# What the bytes of one direction of one connection go through: waits as long as it likes, returns what goes on. Its end is b"".
Flow = Callable[[bytes], Awaitable[bytes]]


class Wire:
    """A TCP proxy on a port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    def hold(self) -> None:
        """From now on nothing comes through, and nobody is told, not even of an end."""
        self._flowing.clear()

    def release(self) -> None:
        self._flowing.set()

    def lead_to(self, url: str) -> None:
        """From now on new connections go to the server at *url*; the others stay where they are."""
        self._target = target_of(url)

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await self._flowing.wait()
            try:
                there_reader, there_writer = await self._reach()
            except OSError:
                writer.transport.abort()
                return
            self._writers |= {writer, there_writer}
            there, back = self._flows()
            await asyncio.gather(self._copy(reader, there_writer, there), self._copy(there_reader, writer, back))

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server."""
        return await asyncio.open_connection(*self._target)

    def _flows(self) -> tuple[Flow, Flow]:
        """Return what a new connection's bytes go through, there and back."""
        return self._pass, self._pass

    async def _pass(self, data: bytes) -> bytes:
        await self._flowing.wait()
        return data

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Flow) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    passed = await flow(data)
                    if writer.is_closing():
                        return
                    writer.write(passed)
                    await writer.drain()
            await flow(b"")
        finally:
            writer.close()
            self._writers.discard(writer)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[tuple[str, Wire]]:
    """Put a wire before the server at *url*; yield the URL that goes through it."""
    wire = Wire(*target_of(url))
    async with laid(wire, url) as through:
        yield through, wire


@asynccontextmanager
async def laid(wire: Wire, url: str) -> AsyncIterator[str]:
    """Open *wire*, which leads to the server at *url*; yield the URL that goes through it."""
    server = await asyncio.start_server(wire.take, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    netloc = f"{credentials}{at}127.0.0.1:{wire.port}"
    try:
        yield urlunsplit(parts._replace(netloc=netloc))
    finally:
        server.close()
        wire.release()
        wire.cut()


def target_of(url: str) -> tuple[str, int]:
    """Return the host and the port that *url* names."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
