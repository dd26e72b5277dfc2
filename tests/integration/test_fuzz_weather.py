"""What the fuzzer's networks do to the connections that go through them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.fuzz.weather import Weather
from deploy.fuzz.wire import laid

WAIT_S = 10.0
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def weathered(address: str | None = None) -> AsyncIterator[Weather]:
    """A network to a server that says what it hears."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    weather = Weather(host, port, address)
    async with laid(weather, f"http://{host}:{port}"):
        yield weather
    server.close()


async def opened(weather: Weather) -> Stream:
    """Return a connection that has been heard."""
    stream = await asyncio.open_connection("127.0.0.1", weather.port)
    assert await said(stream, b"hello") == b"hello"
    return stream


async def said(stream: Stream, words: bytes, within_s: float = WAIT_S) -> bytes:
    """Say something; return what comes back, b"" for an end."""
    reader, writer = stream
    try:
        writer.write(words)
        async with asyncio.timeout(within_s):
            return await reader.read(100)
    except ConnectionError:
        return b""


async def test_in_silence_nothing_comes_and_afterwards_everything() -> None:
    async with weathered() as weather:
        stream = await opened(weather)
        silence = asyncio.create_task(weather.be_silent(0.5))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await said(stream, b"one", within_s=0.2)
        await silence
        assert await stream[0].read(100) == b"one"
        assert weather.cuts == 0


async def test_two_silences_end_with_the_longer_one() -> None:
    async with weathered() as weather:
        stream = await opened(weather)
        silences = [asyncio.create_task(weather.be_silent(for_s)) for for_s in (0.1, 0.6)]
        await silences[0]
        with pytest.raises(TimeoutError):
            await said(stream, b"one", within_s=0.2)
        await silences[1]
        assert await stream[0].read(100) == b"one"


async def test_slow_is_slow_both_ways() -> None:
    async with weathered() as weather:
        stream = await opened(weather)
        slowness = asyncio.create_task(weather.be_slow(0.2, 1.0))
        await asyncio.sleep(0)
        began = time.monotonic()
        assert await said(stream, b"one") == b"one"
        assert time.monotonic() - began >= 0.39
        await slowness


async def test_a_half_open_connection_is_silent_a_new_one_works_and_the_first_ends_after_its_time() -> None:
    async with weathered() as weather:
        lost = await opened(weather)
        losing = asyncio.create_task(weather.be_half_open(0.6))
        await asyncio.sleep(0)
        assert await said(await opened(weather), b"new") == b"new"
        with pytest.raises(TimeoutError):
            await said(lost, b"old", within_s=0.2)
        await losing
        assert await said(lost, b"old") == b""


async def test_what_is_torn_ends_after_so_many_bytes() -> None:
    async with weathered() as weather:
        reader, writer = await opened(weather)
        weather.tear(14)  # ten there, four back
        writer.write(b"0123456789")
        came = b""
        try:
            async with asyncio.timeout(WAIT_S):
                while data := await reader.read(100):
                    came += data
        except ConnectionError:
            pass
        assert came == b"0123"
        assert await said(await opened(weather), b"whole again") == b"whole again"


async def test_away_what_stands_is_reset_and_what_comes_is_refused_until_it_is_back() -> None:
    async with weathered() as weather:
        stream = await opened(weather)
        absence = asyncio.create_task(weather.be_away(0.4))
        await asyncio.sleep(0)
        assert await said(stream, b"one") == b""
        assert await said(await asyncio.open_connection("127.0.0.1", weather.port), b"two") == b""
        await absence
        await opened(weather)
        assert weather.cuts == 1


async def test_where_no_websocket_passes_its_handshake_is_reset_and_other_requests_are_not() -> None:
    async with weathered() as weather:
        plain = asyncio.create_task(weather.be_plain(0.8))
        await asyncio.sleep(0)
        assert await said(await opened(weather), b"Upgrade: websocket") == b""
        assert await said(await opened(weather), b"Accept: text/event-stream") == b"Accept: text/event-stream"
        await plain
        assert await said(await opened(weather), b"Upgrade: websocket") == b"Upgrade: websocket"
