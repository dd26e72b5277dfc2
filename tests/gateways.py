"""Real gateways and routers for tests: processes of their own, on free ports, on a database and a prefix of their own."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import httpx

from shared.auth import sign
from tests.nursery import Born, bear

JWT_KEY = "a key for tests alone, which is long enough"
ADMIN_KEY = "rpa_for_tests_alone_0123456789abcdefghij"
PROXY_SECRET = "a secret for tests alone"
START_S, POLL_S = 20.0, 0.01


@dataclass(slots=True)
class Process:
    """One gateway or router."""

    child: Born
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/socket"

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; return its exit status."""
        while (status := self.child.poll()) is None:  # noqa: ASYNC110  # any number may wait, in any loop
            await asyncio.sleep(POLL_S)
        return status

    async def stop(self) -> int:
        """Stop it as an operator would; return its exit status."""
        for number in (signal.SIGCONT, signal.SIGTERM):
            self.signal(number)
        try:
            async with asyncio.timeout(15):
                return await self.ended()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.ended()
            raise AssertionError("a process did not stop within 15 s") from None


@dataclass(slots=True)
class Site:
    """A database, a Redis and a prefix, and the processes that run on them. Their logs go to *log* (None: to stderr)."""

    postgres_url: str
    redis_url: str
    prefix: str
    log: BinaryIO | None = None
    processes: list[Process] = field(default_factory=list)

    async def start(self, role: str, **settings: str) -> Process:
        """Start a gateway; *settings* are RINGPOST_ variables without the prefix, in lower case."""
        port = free_port()
        name = f"{role}-{len(self.processes) + 1}"
        own = {"role": role, "name": name, "port": str(port), "dev_tokens": "true"}
        keys = {"jwt_key": JWT_KEY, "admin_key": ADMIN_KEY, "proxy_secret": PROXY_SECRET}
        quick = {"drain_settle_s": "0.2", "drain_spread_s": "0.2"}
        return await self._start("services", port, own | keys | quick | settings, "/ready")

    async def start_router(self, **settings: str) -> tuple[str, str]:
        """Start a router; return the URLs of its services read and write."""
        read_port, write_port = (int(settings.pop(f"{role}_port", free_port())) for role in ("read", "write"))
        own = {"read_port": str(read_port), "write_port": str(write_port), "proxy_secret": PROXY_SECRET}
        router = await self._start("router", write_port, own | settings, "/ready")
        return f"http://127.0.0.1:{read_port}", router.url

    async def _start(self, module: str, port: int, settings: Mapping[str, str], path: str) -> Process:
        there = {"postgres_url": self.postgres_url, "redis_url": self.redis_url, "prefix": self.prefix}
        environment = {f"RINGPOST_{name.upper()}": value for name, value in (there | dict(settings)).items()}
        process = Process(self._bear(f"{module}.__main__", {"PATH": os.environ.get("PATH", "")} | environment), port)
        self.processes.append(process)
        await wait_until_answered(process.url + path, process)
        return process

    def _bear(self, program: str, environment: Mapping[str, str]) -> Born:
        with open(os.devnull) as nothing:
            return bear(program, (), environment, (nothing.fileno(), 1, self.log.fileno() if self.log else 2))

    async def stop(self) -> None:
        for process in self.processes:
            if process.child.returncode is None:
                await process.stop()


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[Site]:
    try:
        yield site
    finally:
        await site.stop()


async def wait_until_answered(url: str, process: Process) -> None:
    deadline = time.monotonic() + START_S
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline:
            assert process.child.returncode is None, "the process ended"
            try:
                if (await client.get(url, timeout=1.0)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(2 * POLL_S)
    raise AssertionError(f"{url} did not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def token(user: str, ttl_s: float = 3600) -> str:
    return sign(JWT_KEY, user, ttl_s, time.time())


def bearer(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user)}"}


ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
