"""A gateway whose subscription hears nothing, though Redis answers it: it says so, serves from Postgres, and mends itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.figures import figure
from tests.gateways import Process, Site, running
from tests.talk import create, greeted, post
from tests.wire import Flow, Wire, laid, target_of


class Muffle(Wire):
    """A wire that swallows what Redis says to a subscription, and nothing else."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.is_on = False
        self.muffled = 0

    def _flows(self) -> tuple[Flow, Flow]:
        subscribed = False

        async def there(data: bytes) -> bytes:
            nonlocal subscribed
            subscribed = subscribed or b"SUBSCRIBE" in data
            return data

        async def back(data: bytes) -> bytes:
            if not (self.is_on and subscribed):
                return data
            self.muffled += 1
            return data[:0] if b"PONG" not in data and b"pong" not in data else b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"

        return there, back


@asynccontextmanager
async def muffled(site: Site) -> AsyncIterator[tuple[Site, Muffle]]:
    muffle = Muffle(*target_of(site.redis_url))
    async with laid(muffle, site.redis_url) as url, running(Site(site.postgres_url, url, site.prefix)) as through:
        yield through, muffle


async def ready(read: Process) -> tuple[int, list[str]]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{read.url}/ready")
        return answer.status_code, answer.json().get("reasons", [])


async def until_ready_is(read: Process, status: int, within_s: float) -> float:
    started = time.monotonic()
    while (await ready(read))[0] != status:
        assert time.monotonic() - started < within_s, f"not {status} within {within_s} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def test_a_deaf_gateway_is_not_ready_within_three_seconds_serves_from_postgres_and_hears_again(site: Site) -> None:
    async with muffled(site) as (through, muffle), running(site):
        read, write = await through.start("read"), await site.start("write")
        room = await create(write, "alice", "bob")
        async with greeted(read, "bob") as talk:
            await talk.events(1)
            await talk.until("caught_up")
            muffle.is_on = True
            await until_ready_is(read, 503, within_s=3.5)
            assert (await ready(read))[1] == ["deaf"]
            for n in range(3):
                started = time.monotonic()
                await post(write, "alice", room, f"unheard {n}")
                await talk.events(2 + n, after=1 + n)
                assert time.monotonic() - started < 1.5
            assert await figure(read, "read_deaf_total") == 1
            assert await figure(read, "read_repaired_events_total") >= 3

            muffle.is_on = False
            await until_ready_is(read, 200, within_s=8)
            assert await figure(read, "read_subscription_reconnects_total") >= 1
            repaired = await figure(read, "read_repaired_events_total")
            await post(write, "alice", room, "heard")
            await talk.events(5, after=4)
            assert await figure(read, "read_repaired_events_total") == repaired


async def test_with_redis_away_a_gateway_is_not_deaf(site: Site) -> None:
    async with muffled(site) as (through, muffle):
        read = await through.start("read")
        muffle.hold()
        for _ in range(12):
            assert await ready(read) == (200, [])
            await asyncio.sleep(0.5)


async def test_a_subscription_that_was_cut_is_compared_at_once_when_it_is_back(site: Site) -> None:
    async with muffled(site) as (through, muffle), running(site):
        read, write = await through.start("read"), await site.start("write")
        room = await create(write, "alice", "bob")
        async with greeted(read, "bob") as talk:
            await talk.events(1)
            await talk.until("caught_up")
            for n in range(5):
                muffle.cut()
                await post(write, "alice", room, f"m{n}")
                started = time.monotonic()
                await talk.events(2 + n, after=1 + n)
                assert time.monotonic() - started < 1.0
