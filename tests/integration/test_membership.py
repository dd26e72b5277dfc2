"""Who is in a pool, with the registry, Postgres or a gateway gone: no connection is lost, and newcomers are served."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest

from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.valkey import ValkeyServer, prepare_valkey
from tests.gateways import Process, Site, free_port, running, token
from tests.talk import Talk, opened
from tests.wire import wired

CLIENTS = 8
# Longer than a record of the registry lives.
LONG_S = 6.0
QUICK = {"membership_s": "0.1", "probe_s": "0.1", "probe_timeout_s": "0.5"}


class Registry:
    """A Valkey of the test's own, which can be stopped, killed and started empty."""

    def __init__(self, server: ValkeyServer, log: Path) -> None:
        self.server, self._log = server, log
        self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            process = spawn(self.server.command, output)
        deadline = time.monotonic() + 10
        while not self.server.is_ready(process.pid):
            assert time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.02)
        return process

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        self.signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()

    def restart_empty(self) -> None:
        self._process = self._spawn()


@pytest.fixture
async def registry(folder: Path) -> AsyncIterator[Registry]:
    registry = Registry(prepare_valkey(token_hex(16), choose_account()), folder / f"valkey-{token_hex(4)}.log")
    yield registry
    registry.close()


@dataclass(slots=True)
class Through:
    """A router: its read service, and what it says of the read pool."""

    read: Process
    admin_url: str

    async def pool(self) -> dict[str, Any]:
        return next(pool for pool in (await self.status())["pools"] if pool["name"] == "read")

    async def status(self) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            told: dict[str, Any] = (await client.get(f"{self.admin_url}/status")).json()
            return told

    async def until_unknown(self) -> None:
        """Wait until the members can't be read."""
        deadline = time.monotonic() + 15
        while (await self.status())["are_members_known"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    async def states(self) -> dict[str, str]:
        return {gateway["name"]: gateway["state"] for gateway in (await self.pool())["gateways"]}

    async def until(self, what: str, is_so: Callable[[dict[str, Any]], bool], within_s: float = 15.0) -> dict[str, Any]:
        """Return what is said of the read pool once it is so."""
        deadline = time.monotonic() + within_s
        while not is_so(pool := await self.pool()):
            assert time.monotonic() < deadline, f"{what}: {pool}"
            await asyncio.sleep(0.05)
        return pool


async def a_router(site: Site, serving: int, **settings: str) -> Through:
    """Start a router; return it once so many read gateways serve."""
    admin_port = str(free_port())
    read_url, _ = await site.start_router(admin_port=admin_port, **(QUICK | settings))
    through = Through(Process(site.processes[-1].child, httpx.URL(read_url).port or 0), f"http://127.0.0.1:{admin_port}")
    await through.until("serving", lambda pool: len(serving_of(pool)) == serving)
    return through


def serving_of(pool: dict[str, Any]) -> list[str]:
    return [gateway["name"] for gateway in pool["gateways"] if gateway["share"]]


@asynccontextmanager
async def clients(through: Through, first: int = 2) -> AsyncIterator[dict[str, list[Talk]]]:
    """Open a socket from each of some addresses; yield them by the gateway that has them."""
    found: dict[str, list[Talk]] = {}
    async with AsyncExitStack() as stack:
        for n in range(first, first + CLIENTS):
            talk = await stack.enter_async_context(opened(through.read, local_addr=(f"127.0.0.{n}", 0)))
            await talk.send(type="hello", token=token(f"user-{n}"))
            welcome = await talk.receive()
            assert welcome["type"] == "welcome", welcome
            found.setdefault(welcome["gateway"], []).append(talk)
        yield found


async def assert_alive(held: dict[str, list[Talk]], but: str = "") -> None:
    for talk in (talk for name, talks in held.items() if name != but for talk in talks):
        await talk.send(type="ping")
        await talk.until("pong")


async def stopped(registry: Registry) -> None:
    registry.signal(signal.SIGSTOP)
    await asyncio.sleep(LONG_S)
    registry.signal(signal.SIGCONT)


async def flushed(registry: Registry) -> None:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(registry.server.url).port)
        password = httpx.URL(registry.server.url).password
        for _ in range(10):
            writer.write(f"AUTH {password}\r\nFLUSHALL\r\n".encode())
            assert await reader.readline() == b"+OK\r\n"
            assert await reader.readline() == b"+OK\r\n"
            await asyncio.sleep(0.1)
        writer.close()


async def restarted_empty(registry: Registry) -> None:
    registry.close()
    await asyncio.sleep(LONG_S)
    registry.restart_empty()
    await asyncio.sleep(0.5)


@pytest.mark.parametrize("fault", [stopped, flushed, pytest.param(restarted_empty, marks=pytest.mark.slow)])
async def test_a_registry_that_is_gone_or_empty_moves_nobody(
    registry: Registry, postgres_url: str, prefix: str, fault: Callable[[Registry], Awaitable[None]]
) -> None:
    async with running(Site(postgres_url, registry.server.url, prefix)) as site:
        for role in ("write", "read", "read"):
            await site.start(role, redis_timeout_s="0.5")
        through = await a_router(site, 2, redis_timeout_s="0.5")
        async with clients(through) as held:
            before = await through.pool()
            await fault(registry)
            after = await through.pool()

            assert after["signature"] == before["signature"]
            assert len(after["changes"]) == len(before["changes"])
            await assert_alive(held)
            async with clients(through) as again:
                assert {name: len(talks) for name, talks in again.items()} == {n: len(talks) for n, talks in held.items()}


async def test_a_gateway_that_dies_while_redis_is_away_is_found_by_looking(
    registry: Registry, postgres_url: str, prefix: str
) -> None:
    async with running(Site(postgres_url, registry.server.url, prefix)) as site:
        _, first, second = [await site.start(role, redis_timeout_s="0.5") for role in ("write", "read", "read")]
        through = await a_router(site, 2, redis_timeout_s="0.5")
        async with clients(through) as held:
            registry.signal(signal.SIGSTOP)
            await through.until_unknown()
            lost = name_of(site, first)
            first.signal(signal.SIGKILL)
            pool = await through.until("one left", lambda pool: serving_of(pool) == [name_of(site, second)])

            assert pool["changes"][0]["left"] == [lost]
            await assert_alive(held, but=lost)
            async with clients(through) as again:
                assert list(again) == [name_of(site, second)]


@pytest.mark.slow
async def test_with_postgres_gone_the_table_stays_and_somebody_answers_the_503(site: Site) -> None:
    async with wired(site.postgres_url) as (url, wire), running(Site(url, site.redis_url, site.prefix)) as on_wire:
        for role in ("write", "read", "read"):
            await on_wire.start(role, postgres_timeout_s="1")
        through = await a_router(on_wire, 2)
        async with clients(through) as held:
            before = await through.pool()
            wire.hold()
            frozen = await through.until("frozen", lambda pool: pool["is_frozen"])
            async with httpx.AsyncClient() as client:
                refused = await client.get(f"{through.read.url}/ready")
            wire.release()
            after = await through.until("thawed", lambda pool: not pool["is_frozen"])

            assert refused.status_code == 503
            assert refused.json()["reasons"] == ["postgres"]
            for pool in (frozen, after):
                assert pool["signature"] == before["signature"]
            assert {gateway["state"] for gateway in frozen["gateways"]} == {"not ready"}
            await assert_alive(held)


async def test_a_gateway_that_hangs_is_taken_out_and_taken_back_and_the_others_connections_live(site: Site) -> None:
    async with running(site):
        _, hung, other = [await site.start(role) for role in ("write", "read", "read")]
        through = await a_router(site, 2)
        async with clients(through) as held:
            signature = (await through.pool())["signature"]
            hung.signal(signal.SIGSTOP)
            await through.until("out", lambda pool: serving_of(pool) == [name_of(site, other)])
            assert (await through.states())[name_of(site, hung)] == "down"
            async with clients(through, first=100) as newcomers:
                assert list(newcomers) == [name_of(site, other)]
            hung.signal(signal.SIGCONT)
            back = await through.until("back", lambda pool: len(serving_of(pool)) == 2)

            assert back["signature"] == signature
            await assert_alive(held, but=name_of(site, hung))


@pytest.mark.parametrize("membership", ["dns", "list"])
async def test_members_may_come_from_dns_or_a_list_and_no_redis_is_asked(site: Site, membership: str) -> None:
    async with running(site):
        write, first, second = [await site.start(role) for role in ("write", "read", "read")]
        host = {"dns": "localhost", "list": "127.0.0.1"}[membership]
        through = await a_router(
            site,
            2,
            membership=membership,
            read_gateways=f"{host}:{first.port}*3,{host}:{second.port}",
            write_gateways=f"{host}:{write.port}",
            redis_url="redis://127.0.0.1:9/0",
        )
        shares = {gateway["name"]: gateway["share"] for gateway in (await through.pool())["gateways"] if gateway["share"]}
        first.signal(signal.SIGKILL)
        pool = await through.until("one left", lambda pool: serving_of(pool) == [f"127.0.0.1:{second.port}"])

        assert shares[f"127.0.0.1:{first.port}"] == pytest.approx(0.75, abs=0.02)
        assert pool["changes"][0]["moved"] == shares[f"127.0.0.1:{first.port}"]
        async with clients(through) as held:
            await assert_alive(held)


async def test_two_routers_that_never_talk_hold_the_same_table(site: Site) -> None:
    async with running(site):
        for role in ("write", "read", "read", "read"):
            await site.start(role)
        one, other = await a_router(site, 3), await a_router(site, 3)

        assert (await one.pool())["signature"] == (await other.pool())["signature"]


def name_of(site: Site, process: Process) -> str:
    return f"read-{site.processes.index(process) + 1}"
