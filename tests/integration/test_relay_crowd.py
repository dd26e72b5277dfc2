"""Many connections through a relay of several processes: where they go, what limits them, and when a part of it is killed."""

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from tests.routed import START_S, Routed, connect, is_served, routed, who

WIDE = "10"  # with so great an epsilon nobody is ever full


def sources(many: int) -> list[str]:
    return [f"127.50.{n // 250}.{n % 250 + 1}" for n in range(many)]


def sources_of(router: Routed, name: str, many: int) -> list[str]:
    """Return so many addresses whose gateway is *name*."""
    table = router.table()
    found = [source for source in sources(8 * many) if table.owner(table.bucket(IPv4Address(source))) == name]
    assert len(found) >= many
    return found[:many]


@contextmanager
def held(router: Routed, addresses: Sequence[str]) -> Iterator[list[socket.socket]]:
    socks: list[socket.socket] = []
    try:
        for address in addresses:
            socks.append(connect(router, address))
        yield socks
    finally:
        for sock in socks:
            sock.close()


def is_alive(sock: socket.socket) -> bool:
    try:
        who(sock)
    except OSError:
        return False
    return True


def come_back(router: Routed, source: str) -> str:
    """Call until a gateway takes it; return whose connection it is now."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with connect(router, source) as sock:
                return who(sock)
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{source} is not served")


async def test_all_clients_of_a_gateway_that_was_killed_are_on_another_and_no_others_move() -> None:
    async with routed(greeters=4, relay_workers="2", epsilon=WIDE) as router:
        await router.until_all_serve()
        doomed, *rest = router.greeters
        crowd, others = sources_of(router, doomed, 200), sources_of(router, rest[0], 20)
        with held(router, crowd) as socks, held(router, others) as unharmed:
            assert {who(sock) for sock in socks} == {doomed}

            router.greeters[doomed].kill()
            table = router.table(without=doomed)
            expected = {source: table.owner(table.bucket(IPv4Address(source))) for source in crowd}

            assert not any(is_alive(sock) for sock in socks)
            assert {source: come_back(router, source) for source in crowd} == expected
            assert {who(sock) for sock in unharmed} == {rest[0]}
        # Who was refused once tells the next ones, until a look: not each client calls the dead one.
        assert (await router.figures())["retried_total"] < 100


@pytest.mark.slow
async def test_connections_to_a_gateway_that_hangs_are_reset_and_no_others() -> None:
    async with routed(greeters=3, relay_workers="2", epsilon=WIDE) as router:
        await router.until_all_serve()
        hung, *rest = router.greeters
        with held(router, sources_of(router, hung, 20)) as socks, held(router, sources_of(router, rest[0], 20)) as unharmed:
            assert {who(sock) for sock in socks} == {hung}

            router.greeters[hung].send_signal(signal.SIGSTOP)

            for sock in socks:
                with pytest.raises(ConnectionResetError):
                    await asyncio.to_thread(sock.recv, 1)
            assert {who(sock) for sock in unharmed} == {rest[0]}
            await until_figure(router, "reset_dead_total", 20)


async def test_where_many_share_an_address_no_gateway_has_more_than_a_quarter_above_the_mean() -> None:
    async with routed(greeters=4) as router:
        await router.until_all_serve()
        shared, own = ["127.60.0.1"] * 160, sources(240)
        mixed = [address for five in zip(*[iter(shared)] * 2, *[iter(own)] * 3, strict=True) for address in five]
        with held(router, mixed) as socks:
            taken = Counter(who(sock) for sock in socks)

    assert sum(taken.values()) == 400
    assert max(taken.values()) <= 1.25 * 100


@pytest.mark.slow
async def test_a_worker_that_was_killed_is_started_anew_and_the_others_connections_live() -> None:
    async with routed(greeters=2, relay_workers="3") as router:
        await router.until_all_serve()
        with held(router, sources(60)) as socks:
            assert all(is_alive(sock) for sock in socks)
            await until_status(router, lambda status: own(status) == 60)
            first, second = (await router.status())["workers"]
            lost = first["connections"]["read"]

            os.kill(first["pid"], signal.SIGKILL)
            await until_status(router, lambda status: status["workers"][0]["pid"] not in (first["pid"], None))

            assert sum(is_alive(sock) for sock in socks) == 60 - lost
            status = await router.status()
            assert status["workers"][1]["pid"] == second["pid"]
            assert own(status) == 60 - lost
        await router.until_all_serve()
        assert all([await is_served(router, source) for source in sources(30)])
        await until_figure(router, "accepted_total", 90)


async def test_too_few_files_for_the_connections_are_told_of_and_the_limit_holds(tmp_path: Path) -> None:
    said = tmp_path / "log"
    with said.open("wb") as log:
        async with routed(files=260, log=log, max_connections="1000") as router:
            with held(router, sources(30)) as socks:
                assert all(is_alive(sock) for sock in socks)
                with held(router, sources(1)) as more:
                    assert not is_alive(more[0])
                assert await router.degraded() == ["files for 30 connections a process, of 1000", "full, with 30 connections"]
            await until_status(router, lambda status: own(status) == 0)
            assert await is_served(router)
            assert (await router.figures())["refused_full_total"] == 1
    assert "RLIMIT_NOFILE" in said.read_text()
    assert "a process of the relay is full" in said.read_text()


async def until_status(router: Routed, is_so: Any) -> None:
    deadline = time.monotonic() + START_S
    while not is_so(status := await router.status()):
        assert time.monotonic() < deadline, status
        await asyncio.sleep(0.1)


async def until_figure(router: Routed, name: str, value: float) -> None:
    deadline = time.monotonic() + START_S
    while (figures := await router.figures())[name] != value:
        assert time.monotonic() < deadline, figures
        await asyncio.sleep(0.1)


def own(status: dict[str, Any]) -> int:
    """Return how many connections the router says that it has in the pool read."""
    return sum(gateway["own"] for gateway in status["pools"][0]["gateways"])
