"""Hostile peers of a relay: slow, lying and flooding ones are dropped in bounded time, and others are served meanwhile."""

import asyncio
import contextlib
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from shared.proxy import encode
from tests.routed import START_S, Routed, is_served, opened, routed

LYING = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"


async def is_dropped(reader: asyncio.StreamReader, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await reader.read(100) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_what_a_client_says_comes_whole_and_a_half_close_goes_through() -> None:
    async with routed() as router:
        reader, writer = await opened(router)
        sent = os.urandom(5 << 20)
        writer.write(sent)
        writer.write_eof()

        async with asyncio.timeout(30):
            assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_a_stranger_who_sends_a_header_is_dropped_and_others_are_served() -> None:
    async with routed() as router:
        reader, writer = await opened(router)
        writer.write(encode(("10.9.9.9", 1), ("10.9.9.8", 2), None))

        assert await is_dropped(reader, START_S)
        assert await is_served(router)
        assert (await router.figures())["refused_header_total"] == 1


async def test_a_stranger_does_not_get_a_header_through_piece_by_piece() -> None:
    async with routed() as router:
        reader, writer = await opened(router)
        for byte in encode(("10.9.9.9", 1), ("10.9.9.8", 2), None)[:14]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

        assert await is_dropped(reader, START_S)
        assert (await router.figures())["refused_header_total"] == 1


async def test_what_only_begins_as_a_header_comes_whole() -> None:
    async with routed() as router:
        reader, writer = await opened(router)
        for part in (b"\r\n", b"\r\n\x00", b"hello"):
            writer.write(part)
            await asyncio.sleep(0.05)

        async with asyncio.timeout(START_S):
            assert await reader.readexactly(10) == b"\r\n\r\n\x00hello"


async def test_a_flood_of_one_address_takes_no_more_than_there_is_room_and_is_over_when_it_ends() -> None:
    async with routed(max_connections="50") as router:
        held = list(flood(router.port, 400))
        figures = await until(router, lambda told: told["accepted_total"] + told["refused_full_total"] == 400)
        assert figures["connections"] <= 50
        assert "full, with 50 connections" in await router.degraded()

        for sock in held:
            sock.close()
        await until(router, lambda told: told["connections"] == 0)
        assert await is_served(router, "127.0.0.6")


async def test_who_has_said_all_still_hears_the_answer_and_leaves_nothing_behind() -> None:
    async with routed() as router:
        reader, writer = await opened(router)
        writer.write(b"who\n")
        writer.write_eof()

        async with asyncio.timeout(START_S):
            assert b"127.0.0.1" in await reader.read(200)
            assert await reader.read(200) == b""
        await until(router, lambda told: told["connections"] == 0)


async def test_the_front_says_whose_connection_it_is_and_what_comes_with_the_header_goes_on() -> None:
    async with routed(front="127.0.0.9/32") as router:
        reader, writer = await opened(router, "127.0.0.9")
        header = encode(("10.9.9.9", 1), ("10.9.9.8", 2), None)
        for part in (header[:5], header[5:20], header[20:] + b"hello"):
            writer.write(part)
            await asyncio.sleep(0.05)

        async with asyncio.timeout(START_S):
            assert await reader.readexactly(5) == b"hello"
        assert await is_served(router, "127.0.0.1")


@pytest.mark.parametrize("said", [b"", LYING[:14], LYING + b"x" * 600, b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_front_that_is_slow_or_lies_is_dropped_in_bounded_time(said: bytes) -> None:
    async with routed(front="127.0.0.9/32", connect_timeout_s="0.5") as router:
        reader, writer = await opened(router, "127.0.0.9")
        writer.write(said)

        assert await is_dropped(reader, START_S)
        assert await is_served(router)


async def test_one_address_has_no_more_connections_than_it_may_and_others_are_served() -> None:
    async with routed(max_per_source="3") as router:
        held = [await opened(router, "127.0.0.5") for _ in range(3)]

        assert not await is_served(router, "127.0.0.5")
        assert await is_served(router, "127.0.0.6")

        held[0][1].transport.abort()
        await asyncio.sleep(0.2)
        assert await is_served(router, "127.0.0.5")


@pytest.mark.slow
async def test_an_idle_connection_ends_after_its_time() -> None:
    async with routed(idle_timeout_s="0.5") as router:
        reader, _ = await opened(router)

        assert await is_dropped(reader, START_S)
        assert (await router.figures())["idle_ended_total"] == 1


async def test_who_reads_nothing_holds_up_nobody_and_no_memory() -> None:
    async with routed() as router:
        _, writer = await opened(router)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads
        before = resident(router)
        for _ in range(200):
            writer.write(bytes(1 << 16))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await writer.drain()

        assert resident(router) - before < 2 << 20
        assert await is_served(router)
        writer.transport.abort()


@pytest.mark.slow
async def test_accepting_goes_on_when_files_have_run_out() -> None:
    async with routed() as router:
        resource.prlimit(router.process.pid, resource.RLIMIT_NOFILE, (60, 60))
        held = list(flood(router.port, 100))
        await asyncio.sleep(0.5)
        for sock in held:
            sock.close()
        await asyncio.sleep(0.5)

        assert await is_served(router)
        assert (await router.figures())["accept_pauses_total"] > 0


async def until(router: Routed, is_so: Callable[[Mapping[str, float]], bool]) -> Mapping[str, float]:
    """Wait until the router's figures are so; return them."""
    deadline = time.monotonic() + START_S
    while not is_so(figures := await router.figures()):
        assert time.monotonic() < deadline, figures
        await asyncio.sleep(0.1)
    return figures


def flood(port: int, many: int) -> Iterator[socket.socket]:
    for _ in range(many):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        yield sock


@pytest.mark.slow
async def test_workers_share_the_port_and_their_figures_add_up() -> None:
    async with routed(relay_workers="3") as router:
        deadline = time.monotonic() + START_S
        while len(children(router)) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await asyncio.sleep(3)
        for _ in range(60):
            assert await is_served(router)
        await asyncio.sleep(2.5)

        assert (await router.figures())["accepted_total"] == 60


def children(router: Routed) -> list[int]:
    with open(f"/proc/{router.process.pid}/task/{router.process.pid}/children") as file:
        return [int(word) for word in file.read().split()]


def resident(router: Routed) -> int:
    with open(f"/proc/{router.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
