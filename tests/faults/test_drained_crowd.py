"""A crowd on one gateway that stops: all of it moves to another one, and neither gateway stalls meanwhile."""

import asyncio
import json
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from tests.bare_socket import HANDSHAKE
from tests.client_frames import TEXT, frame
from tests.gateways import Process, Site, running, token

pytestmark = pytest.mark.slow

MANY = 1_000
AT_ONCE = 100
PING = frame(TEXT, b'{"type":"ping"}')


class Walker(asyncio.Protocol):
    """A socket that looks for words in what it hears, which is cheaper than to read it."""

    def __init__(self, user: str) -> None:
        loop = asyncio.get_running_loop()
        self._hello = frame(TEXT, json.dumps({"type": "hello", "token": token(user)}).encode())
        self._heard = b""
        self.caught_up, self.moved, self.gone = loop.create_future(), loop.create_future(), loop.create_future()
        self.pong: asyncio.Future[None] = loop.create_future()
        self.was_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HANDSHAKE + self._hello)

    def data_received(self, data: bytes) -> None:
        self._heard = self._heard[-100:] + data
        for words, future in ((b'"caught_up"', self.caught_up), (b'"moved"', self.moved), (b'"pong"', self.pong)):
            if words in self._heard and not future.done():
                future.set_result(None)
        self.was_closed |= b'"draining"' in self._heard

    def connection_lost(self, error: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    async def ping(self) -> float:
        """Return the seconds until the answer."""
        started_at, self.pong, self._heard = time.monotonic(), asyncio.get_running_loop().create_future(), b""
        self.transport.write(PING)
        await asyncio.wait((self.pong, self.gone), return_when=asyncio.FIRST_COMPLETED)
        return time.monotonic() - started_at


@dataclass(slots=True)
class Found:
    """What was seen of a drain. *pongs_s*: how long pings took while it went on."""

    moved: int = 0
    closed: int = 0
    drain_s: float = 0.0
    opened_s: float = 0.0
    status: int = -1
    pongs_s: list[float] = field(default_factory=list)


async def come(process: Process, user: str) -> Walker:
    _, walker = await asyncio.get_running_loop().create_connection(lambda: Walker(user), "127.0.0.1", process.port)
    await walker.caught_up
    return walker


async def move(walker: Walker, other: Process, user: str, found: Found) -> Walker:
    """Wait for the word, make the second connection, then break the first."""
    await walker.moved
    second = await come(other, user)
    found.moved += 1
    found.closed += walker.was_closed
    walker.transport.close()
    return second


async def drain_crowd(site: Site, many: int) -> Found:
    """Fill a gateway, stop it, and let all of its sockets move to another one."""
    found, gate = Found(), asyncio.Semaphore(AT_ONCE)
    # The crowd does not ping.
    settings = {"drain_settle_s": "0.5", "drain_spread_s": "60", "heartbeat_s": "300"}
    leaving, staying = await site.start("read", **settings), await site.start("read", **settings)

    async def first(n: int) -> Walker:
        async with gate:
            return await come(leaving, f"user-{n}")

    async with AsyncExitStack() as stack:
        started_at = time.monotonic()
        crowd = await asyncio.gather(*map(first, range(many)))
        found.opened_s = time.monotonic() - started_at
        probe = await come(leaving, "probe")
        leaving.signal(signal.SIGTERM)
        moving = [asyncio.create_task(move(walker, staying, f"user-{n}", found)) for n, walker in enumerate(crowd)]
        started_at = time.monotonic()
        while not (probe.gone.done() or all(task.done() for task in moving)):
            found.pongs_s.append(await probe.ping())
            await asyncio.sleep(0.01)
        probe.transport.close()
        async with asyncio.timeout(10):
            found.status = await leaving.ended()
        found.drain_s = time.monotonic() - started_at
        for task in moving:
            stack.callback(task.result().transport.close)
    return found


async def test_a_crowd_moves_before_its_gateway_ends_and_is_answered_meanwhile(site: Site) -> None:
    async with running(site):
        found = await drain_crowd(site, MANY)

    assert (found.moved, found.closed, found.status) == (MANY, 0, 0)
    # Pings share two cores with the crowd itself; a loop that told everybody at once would stall for longer than this.
    assert sorted(found.pongs_s)[len(found.pongs_s) // 2] < 0.25
