"""A whole system in network namespaces: clients, a router in either plane, and beyond it gateways, Postgres and Valkey."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from deploy.local.access import Access
from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.postgres import PostgresServer, prepare_postgres
from deploy.local.valkey import ValkeyServer, prepare_valkey
from deploy.replay.plan import Plan
from tests.gateways import JWT_KEY, PROXY_SECRET
from tests.namespaces import ROUTER, Namespace, Network, gateway_address, open_network

PORT, ADMIN_PORT, START_S, STOP_S = 9000, 7000, 60.0, 10.0
READS, WRITES = ("read-1", "read-2", "read-3", "read-4"), ("write-1", "write-2")


@dataclass(slots=True)
class Town:
    """*hosts*: each gateway's address. A gateway that does not run yet is a member all the same: looks find it when it does."""

    network: Network
    plane: str
    postgres_url: str
    redis_url: str
    log: IO[bytes]
    hosts: Mapping[str, str]
    gateways: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    prefix: str = field(default_factory=lambda: f"town-{token_hex(4)}")

    @property
    def access(self) -> Access:
        return Access(f"http://{ROUTER}:8000", f"http://{ROUTER}:8001", None)

    def start(self, name: str) -> None:
        """Start a gateway, perhaps again."""
        role = name.partition("-")[0]
        own = {"role": role, "name": name, "host": self.hosts[name], "port": str(PORT), "advertise": self.hosts[name]}
        keys = {"jwt_key": JWT_KEY, "dev_tokens": "true", "drain_settle_s": "2", "drain_spread_s": "2"}
        urls = {"public_read_url": self.access.read_url, "public_write_url": self.access.write_url}
        secret = {"proxy_secret": PROXY_SECRET} if self.plane == "relay" else {}
        self.gateways[name] = self._run(self.network.gateways, "services", own | keys | urls | secret)

    def start_router(self, **settings: str) -> subprocess.Popen[bytes]:
        spots = {pool: ",".join(f"{self.hosts[name]}:{PORT}" for name in pool_names(pool)) for pool in ("read", "write")}
        members = {"membership": "list", "read_gateways": spots["read"], "write_gateways": spots["write"]}
        place = {"plane": self.plane, "host": "0.0.0.0", "admin_port": str(ADMIN_PORT)}
        secret = {"proxy_secret": PROXY_SECRET} if self.plane == "relay" else {}
        return self._run(self.network.router, "router", members | place | secret | settings)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.gateways[name].send_signal(number)

    def status(self) -> dict[str, Any]:
        """Return what the router tells of itself; nothing where it does not answer."""
        with self.network.router.inside():
            line = HTTPConnection("127.0.0.1", ADMIN_PORT, timeout=5)
            with suppress(OSError):
                line.connect()
        if line.sock is None:
            return {}
        with closing(line), suppress(OSError):
            line.request("GET", "/status")
            told: dict[str, Any] = json.loads(line.getresponse().read())
            return told
        return {}

    def said(self) -> str:
        """Return the end of what its programs have said."""
        return Path(self.log.name).read_text()[-4000:]

    async def until_routed(self) -> None:
        """Wait until the router carries connections to both pools, and has nothing to complain of."""
        await self._until(lambda: self.status().get("reasons") == [], "the router is not well")

    async def until_served(self, pool: str, names: set[str]) -> None:
        """Wait until the router's table of *pool* has *names*, and them alone."""
        spots = {f"{self.hosts[name]}:{PORT}" for name in names}
        await self._until(lambda: self._table(pool) == spots, f"the table of {pool} has not {names}")

    def _table(self, pool: str) -> set[str]:
        told = [found for found in self.status().get("pools", ()) if found["name"] == pool]
        return {gateway["name"] for found in told for gateway in found["gateways"] if gateway["share"] > 0}

    async def _until(self, is_so: Callable[[], bool], fault: str) -> None:
        deadline = time.monotonic() + START_S
        while not is_so():
            assert time.monotonic() < deadline, f"{fault}: {self.status().get('reasons')} {self.said()}"
            await asyncio.sleep(0.2)

    def _run(self, where: Namespace, module: str, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        there = {"postgres_url": self.postgres_url, "redis_url": self.redis_url, "prefix": self.prefix}
        environment = {f"RINGPOST_{name.upper()}": value for name, value in (there | dict(settings)).items()}
        return where.start([sys.executable, "-m", module], environment, self.log)


def pool_names(pool: str) -> tuple[str, ...]:
    return READS if pool == "read" else WRITES


def settled(plan: Plan) -> Plan:
    """Return *plan* with its users in the town's streets."""
    return replace(plan, addresses={user: client_address(n) for n, user in enumerate(plan.addresses)})


def client_address(number: int) -> str:
    return f"10.50.{number // 250}.{number % 250 + 1}"


@contextmanager
def open_town(plane: str, folder: Path) -> Iterator[Town]:
    """Start the servers; gateways and the router are started by the caller. In the end all of it is stopped."""
    names = (*READS, *WRITES)
    folder.mkdir(mode=0o755)
    with open_network(len(names)) as network, (folder / "town.log").open("ab") as log:
        account = choose_account()
        postgres = prepare_postgres(folder / "town", token_hex(16), account, folder / "shared")
        valkey = prepare_valkey(token_hex(16), account)
        with _serving(network, postgres, log), _serving(network, valkey, log):
            town = Town(
                network,
                plane,
                postgres.url,
                valkey.url,
                log,
                {name: gateway_address(n) for n, name in enumerate(names, start=1)},
            )
            assert town._run(network.gateways, "shared.storage.migrate", {}).wait(START_S) == 0
            yield town


@contextmanager
def _serving(network: Network, server: PostgresServer | ValkeyServer, log: IO[bytes]) -> Iterator[None]:
    with network.gateways.inside():
        process = spawn(server.command, log)
        deadline = time.monotonic() + START_S
        while not server.is_ready(process.pid):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    try:
        yield
    finally:
        process.send_signal(server.command.stop_signal)
        process.wait(STOP_S)
