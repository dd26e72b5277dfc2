"""A router in the relay plane before greeters, for tests: `routed()` starts them, on free ports, with a list for a registry."""

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from router.table import Shape, Table, make_table
from tests.gateways import free_port
from tests.system import ROOT

START_S = 60.0


@dataclass(frozen=True, slots=True)
class Routed:
    """A router before *greeters*, which are called as its table calls them."""

    port: int
    admin_port: int
    process: subprocess.Popen[bytes]
    greeters: Mapping[str, subprocess.Popen[bytes]]

    def table(self, *, without: str = "") -> Table:
        """Return the table that the router should hold."""
        return make_table({name: 1 for name in self.greeters if name != without}, Shape())

    async def figures(self) -> Mapping[str, float]:
        """Return the figures of the pool read, and those of no pool."""
        lines = [line.rsplit(" ", 1) for line in (await self._ask("/metrics")).text.splitlines() if not line.startswith("#")]
        told = {name: float(value) for name, value in lines if name.endswith('{pool="read"}') or "{" not in name}
        return {name.removeprefix("ringpost_router_").removesuffix('{pool="read"}'): n for name, n in told.items()}

    async def status(self) -> dict[str, Any]:
        told: dict[str, Any] = (await self._ask("/status")).json()
        return told

    async def degraded(self) -> list[str]:
        told: list[str] = (await self._ask("/ready")).json()["degraded"]
        return told

    async def _ask(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=START_S) as client:
            return await client.get(f"http://127.0.0.1:{self.admin_port}{path}")

    async def until_all_serve(self) -> None:
        """Wait until each process of the router has all greeters in its table."""
        deadline, signature = time.monotonic() + START_S, self.table().signature
        while time.monotonic() < deadline:
            status = await self.status()
            signatures = [status["pools"][0]["signature"], *(w["signatures"].get("read") for w in status["workers"])]
            if set(signatures) == {signature}:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"their tables are {signatures}, not {signature}")


@contextlib.asynccontextmanager
async def routed(*, greeters: int = 1, files: int | None = None, log: Any = None, **settings: str) -> AsyncIterator[Routed]:
    """Start a router and so many *greeters*; *files*: how many files the router may have, from its start on."""
    port, write_port, admin_port, *places = (free_port() for _ in range(3 + greeters))
    spots = [f"127.0.0.1:{place}" for place in places]
    children = {spot: start(["tests.greeter", *spot.split(":"), spot]) for spot in spots}
    members = {"membership": "list", "read_gateways": ",".join(spots), "write_gateways": spots[0]}
    ports = {"read_port": str(port), "write_port": str(write_port), "admin_port": str(admin_port)}
    own = {"log_level": "error" if log is None else "warning", "probe_s": "0.1"} | members | ports | settings
    router = start(["router"], files=files, log=log, **own)
    try:
        await wait_until_ready(admin_port)
        yield Routed(port, admin_port, router, children)
    finally:
        for process in (router, *children.values()):
            process.kill()
            process.wait()


def start(argv: Sequence[str], *, files: int | None = None, log: Any = None, **settings: str) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"]} | {f"RINGPOST_{name.upper()}": value for name, value in settings.items()}

    def limit() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    argv = [sys.executable, "-m", *argv]
    return subprocess.Popen(argv, env=environment, cwd=ROOT, stdout=log, stderr=log, preexec_fn=limit)


async def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + START_S
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the router is not ready")


async def opened(to: Routed, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", to.port, local_addr=(source, 0))


async def is_served(to: Routed, source: str = "127.0.0.1") -> bool:
    try:
        reader, writer = await opened(to, source)
    except OSError:
        return False
    try:
        writer.write(b"hello")
        async with asyncio.timeout(START_S):
            return await reader.readexactly(5) == b"hello"
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.transport.abort()


def connect(to: Routed, source: str) -> socket.socket:
    """Return a connection from *source* that blocks; one that was taken and reset at once has ended."""
    sock = socket.socket()
    try:
        sock.settimeout(START_S)
        sock.bind((source, 0))
        with contextlib.suppress(ConnectionResetError):
            sock.connect(("127.0.0.1", to.port))
    except OSError:
        sock.close()
        raise
    return sock


def who(sock: socket.socket) -> str:
    """Return the name of the greeter at the other end; raise OSError where the connection has ended."""
    sock.sendall(b"who\n")
    said = sock.recv(200).decode()
    if not said:
        raise ConnectionResetError
    return said.split()[0]
