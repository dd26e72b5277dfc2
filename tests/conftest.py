"""Real servers for the tests: one Postgres and one Valkey a session, a database and a prefix a test."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from hypothesis import settings

from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.postgres import PostgresServer, prepare_postgres
from deploy.local.valkey import ValkeyServer, prepare_valkey
from tests.databases import a_database, database_url, execute
from tests.gateways import Site
from tests.nursery import ends
from tests.system import READY, Up

START_S, STOP_S = 20.0, 10.0
TEMPLATE = "ringpost_template"
StartUp = Callable[..., Up]

# No test speaks TLS: each client of httpx would read all of the world's certificates first, for 30 ms.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and under nohup the end of a terminal

# A busy machine is no fault of what is tested.
settings.register_profile("ringpost", deadline=None)
settings.load_profile("ringpost")


def pytest_sessionfinish() -> None:
    ends.close()  # a worker of xdist comes to no exit handler


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that the servers' user can enter, which pytest's own is not where the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="ringpost-tests-") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[PostgresServer]:
    server = prepare_postgres(folder, token_hex(16), choose_account(), folder / "shared")
    yield from _run(server, folder / "postgres.log")


@pytest.fixture(scope="session")
def valkey(folder: Path) -> Iterator[ValkeyServer]:
    server = prepare_valkey(token_hex(16), choose_account())
    yield from _run(server, folder / "valkey.log")


def _run(server: Any, log: Path) -> Iterator[Any]:
    with log.open("wb") as output:
        process = spawn(server.command, output)
    deadline = time.monotonic() + START_S
    while not server.is_ready(process.pid):
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.02)
    yield server
    process.send_signal(server.command.stop_signal)
    process.wait(STOP_S)


@pytest.fixture(scope="session")
def template(postgres: PostgresServer) -> str:
    """The name of a migrated database that tests copy."""
    url = database_url(postgres.url, TEMPLATE)
    asyncio.run(execute(postgres.url, f"CREATE DATABASE {TEMPLATE}"))
    environment = os.environ | {"RINGPOST_POSTGRES_URL": url}
    subprocess.run([sys.executable, "-m", "shared.storage.migrate"], env=environment, check=True)
    return TEMPLATE


@pytest.fixture
async def postgres_url(postgres: PostgresServer, template: str) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async with a_database(postgres.url, template) as url:
        yield url


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    return valkey.url


@pytest.fixture
def prefix() -> str:
    """Keys and channels of the test's own."""
    return f"test-{token_hex(6)}"


@pytest.fixture
async def site(postgres_url: str, redis_url: str, prefix: str) -> AsyncIterator[Site]:
    """Where a test's gateways run; those that it left running are stopped."""
    site = Site(postgres_url, redis_url, prefix)
    yield site
    await site.stop()


@pytest.fixture
def data() -> Iterator[Path]:
    """A place for the data folder of a system; it may be used again and again."""
    folder = Path(tempfile.mkdtemp(prefix="ringpost-up-"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def start_up(data: Path) -> Iterator[StartUp]:
    """What starts a `ringpost up` (the arguments are those of `Up`); those that still run are stopped after the test."""
    started: list[Up] = []

    def start(*given: Any, **named: Any) -> Up:
        started.append(Up(*given, **named))
        return started[-1]

    yield start
    for up in started:
        up.close()


@pytest.fixture
def system(start_up: StartUp, data: Path) -> Up:
    """A whole system of the test's own, ready."""
    up = start_up(data)
    up.wait_until(READY)
    return up
