"""A system of our own to measure: `ringpost up` on free ports, in a folder that is gone afterwards."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from deploy.local.errors import LocalError, NotRunning
from deploy.local.found import Local, find_local
from deploy.local.port import free_port
from deploy.ring.asking import ask
from deploy.swarm.errors import Failed
from deploy.swarm.websocket import Address
from shared.settings import PREFIX

START_S, STOP_S, POLL_S = 90.0, 15.0, 0.1
ROOT = Path(__file__).parents[2]
RATES_OFF = {"RATE_USER": "0", "RATE_CONVERSATION": "0"}


@dataclass(frozen=True, slots=True)
class Running:
    """The system. *launcher* is who starts again what dies."""

    local: Local
    launcher: int

    @property
    def read(self) -> Address:
        """Where the router takes readers."""
        return _address(self.local.read_url.removeprefix("http://"))

    @property
    def write(self) -> Address:
        return _address(self.local.write_url.removeprefix("http://"))

    def gateways(self, pool: str) -> dict[str, Address]:
        """Return where the gateways of *pool* are, by name, as the router knows them."""
        (url,) = self.local.admin_urls.values()
        return {g.name: _address(g.address) for known in ask(url).pools if known.name == pool for g in known.gateways}


@asynccontextmanager
async def own_system(read: int, write: int, settings: Mapping[str, str]) -> AsyncIterator[Running]:
    """Start it, and stop it in the end. *settings* are RINGPOST_ variables without the prefix; the caller's own don't count.

    Raises:
        Failed: it does not come up.
    """
    with _home() as home:
        ports = free_port(), free_port()
        with (home / "up.log").open("wb") as output:
            process = _spawn(home / "data", ports, ("--read", str(read), "--write", str(write)), settings, output.fileno())
        try:
            local = await _ready(home, ports, process)
            yield Running(local, process.pid)
        finally:
            await asyncio.to_thread(_stop, process)


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ringpost-own-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the servers' user enters it
        yield home


def _spawn(
    data: Path, ports: tuple[int, int], flags: Sequence[str], settings: Mapping[str, str], output: int
) -> subprocess.Popen[bytes]:
    argv = (sys.executable, "-m", "deploy.cli", "up", "--data", str(data), *flags)
    argv += ("--read-port", str(ports[0]), "--write-port", str(ports[1]))
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    env |= {f"{PREFIX}{name}": value for name, value in settings.items()}
    # In a session of its own: Ctrl-C is ours to handle, and then stops it in order.
    return subprocess.Popen(  # noqa: S603  # the words are ours
        argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=ROOT, start_new_session=True
    )


async def _ready(home: Path, ports: tuple[int, int], process: subprocess.Popen[bytes]) -> Local:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            local = find_local(home / "data")
        except NotRunning:
            await asyncio.sleep(POLL_S)
            continue
        read_url, write_url = (f"http://127.0.0.1:{port}" for port in ports)
        return replace(local, read_url=read_url, write_url=write_url)
    said = (home / "up.log").read_text(errors="replace").strip().splitlines() or ["nothing"]
    raise Failed(f"a system to measure did not start: {said[-1]}")


async def all_serve(running: Running, read: int, write: int) -> None:
    """Wait until the router sends to all gateways; raise Failed where that takes too long."""
    (url,) = running.local.admin_urls.values()
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            pools = {pool.name: sum(g.state == "active" for g in pool.gateways) for pool in ask(url).pools}
        except LocalError:
            pools = {}
        if pools.get("read", 0) >= read and pools.get("write", 0) >= write:
            return
        await asyncio.sleep(POLL_S)
    raise Failed("not all gateways serve")


async def metric(address: Address, name: str) -> float:
    """Return one figure that the gateway at *address* tells of itself; 0 if it does not know it."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://{address[0]}:{address[1]}/metrics")).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{")))


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGCONT, signal.SIGTERM):
        process.send_signal(number)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)
