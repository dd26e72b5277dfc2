"""Where the systems run: one Postgres (fsync on) and one Valkey, a database for each system, all on the servers' core."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex

import asyncpg

from deploy.local.account import choose_account
from deploy.local.command import Command, spawn
from deploy.local.port import free_port, is_listening
from deploy.local.postgres import PostgresServer, prepare_postgres
from deploy.local.valkey import ValkeyServer, prepare_valkey
from tests.bench.cores import Cores, pinned
from tests.bench.failure import Failed
from tests.bench.load.address import Address

ROOT = Path(__file__).parents[2]
START_S, STOP_S = 30.0, 15.0


@dataclass(slots=True)
class Stage:
    """The servers that all systems share, and what starts and stops those that they don't.

    *found*: the versions of peers that are no packages of ours, or in words what is missing.
    """

    folder: Path
    cores: Cores
    stack: AsyncExitStack
    postgres: PostgresServer
    postgres_pid: int
    valkey: ValkeyServer
    valkey_pid: int
    found: dict[str, str] = field(default_factory=dict)

    async def make_database(self, name: str) -> str:
        """Make an empty database; return its URL."""
        connection = await asyncpg.connect(self.postgres.url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return f"{self.postgres.url.rpartition('/')[0]}/{name}"

    def migrate(self, url: str) -> None:
        """Make our tables."""
        environment = os.environ | {"RINGPOST_POSTGRES_URL": url}
        done = subprocess.run([sys.executable, "-m", "shared.storage.migrate"], env=environment, cwd=ROOT)
        if done.returncode != 0:
            raise Failed("the tables were not made")

    async def start(self, name: str, argv: tuple[str, ...], env: Mapping[str, str], port: int) -> int:
        """Start a Python module that will listen at *port*; return its pid once it does."""
        return await self.start_program(name, (sys.executable, "-m", *argv), env, port)

    async def start_program(self, name: str, argv: tuple[str, ...], env: Mapping[str, str], port: int) -> int:
        """Start a program that will listen at *port*; return its pid once it does."""
        path = {"PATH": os.environ.get("PATH", "")}
        command = Command(name, argv, {**path, **env}, folder=ROOT)
        return await _start(self.stack, self.folder, self.cores, command, lambda _: is_listening(port))

    @asynccontextmanager
    async def inner(self) -> AsyncIterator["Stage"]:
        """Yield a stage on the same servers; what is started on it ends with it."""
        async with AsyncExitStack() as stack:
            yield replace(self, stack=stack)


@asynccontextmanager
async def open_stage(cores: Cores) -> AsyncIterator[Stage]:
    """Start Postgres and Valkey; in the end stop whatever was started, the last one first."""
    async with AsyncExitStack() as stack:
        folder = _make_folder(stack)
        account = choose_account()
        postgres = prepare_postgres(folder, token_hex(16), account, folder / "shared")
        valkey = prepare_valkey(token_hex(16), account)
        postgres_pid = await _start(stack, folder, cores, postgres.command, postgres.is_ready)
        valkey_pid = await _start(stack, folder, cores, valkey.command, valkey.is_ready)
        yield Stage(folder, cores, stack, postgres, postgres_pid, valkey, valkey_pid)


def free_address() -> Address:
    return Address("127.0.0.1", free_port())


def _make_folder(stack: AsyncExitStack) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringpost-bench-")))
    folder.chmod(0o755)  # the servers' user enters it
    return folder


async def _start(stack: AsyncExitStack, folder: Path, cores: Cores, command: Command, is_ready: Callable[[int], bool]) -> int:
    log = folder / f"{command.name}.log"
    with log.open("wb") as output, pinned(cores.servers):
        process = spawn(command, output)
    stack.callback(_stop, process, command)
    deadline = time.monotonic() + START_S
    while not is_ready(process.pid):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            raise Failed(f"{command.name} did not start: {said[-1]}")
        await asyncio.sleep(0.02)
    return process.pid


def _stop(process: subprocess.Popen[bytes], command: Command) -> None:
    process.send_signal(command.stop_signal)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
