"""Through a router: gateways that stop, and gateways that are gone without a word."""

import asyncio
import signal
import time

import httpx

from tests.gateways import Process, Site, running, token
from tests.talk import Talk, greeted, opened


async def pong(talk: Talk) -> None:
    await talk.send(type="ping")
    await talk.until("pong")


async def test_a_draining_gateway_keeps_its_sockets_and_gets_no_new_ones(site: Site) -> None:
    async with running(site):
        await site.start("write")
        reads = [await site.start("read", drain_settle_s="2", drain_spread_s="8") for _ in range(2)]
        through = await through_a_router(site, reads)
        async with greeted(through, "alice") as old:
            leaving = next(read for read in reads if name_of(site, read) == old.welcome["gateway"])
            leaving.signal(signal.SIGTERM)
            await old.until("moved")
            await pong(old)
            async with greeted(through, "alice") as new:
                assert new.welcome["gateway"] != old.welcome["gateway"]
                await pong(new)
                await pong(old)


async def test_where_a_dead_gateway_refuses_the_next_on_the_ring_takes_the_connection(site: Site) -> None:
    async with running(site):
        await site.start("write")
        reads = [await site.start("read") for _ in range(2)]
        through = await through_a_router(site, reads)
        async with greeted(through, "alice") as first:
            pinned = first.welcome["gateway"]
        dead = next(read for read in reads if name_of(site, read) == pinned)

        dead.signal(signal.SIGKILL)
        await dead.ended()
        started_at = time.monotonic()
        async with greeted(through, "alice") as second:
            # Its record in the registry lives on for five seconds.
            assert time.monotonic() - started_at < 2
            assert second.welcome["gateway"] != pinned


async def test_a_router_that_stops_takes_nobody_and_ends_when_those_it_has_have_gone(site: Site) -> None:
    async with running(site):
        await site.start("write")
        await site.start("read")
        read_url, _ = await site.start_router(drain_s="60")
        router = site.processes[-1]
        through = Process(router.child, httpx.URL(read_url).port or 0)
        async with greeted(through, "alice") as talk:
            router.signal(signal.SIGTERM)
            while await is_taken(through.port):  # noqa: ASYNC110  # what it waits for is in another process
                await asyncio.sleep(0.05)
            await pong(talk)
            assert router.child.poll() is None
        async with asyncio.timeout(20):
            assert await router.ended() == 0


async def is_taken(port: int) -> bool:
    """Say whether a connection to *port* is taken."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.transport.abort()
    return True


async def through_a_router(site: Site, reads: list[Process]) -> Process:
    """Start a router; return its read service, as if it were a gateway, once that knows of all gateways."""
    read_url, _ = await site.start_router()
    through = Process(site.processes[-1].child, httpx.URL(read_url).port or 0)
    seen: set[str] = set()
    for n in range(2, 250):
        async with opened(through, local_addr=(f"127.0.0.{n}", 0)) as talk:
            await talk.send(type="hello", token=token("alice"))
            seen.add((await talk.receive())["gateway"])
        if len(seen) == len(reads):
            return through
    raise AssertionError(f"the router knows of {seen} alone")


def name_of(site: Site, process: Process) -> str:
    return f"read-{site.processes.index(process) + 1}"
