"""The embedded servers: who they run as, where their files go, what they are told, how they end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import asyncpg
import psutil
import pytest
from redis import AuthenticationError, Redis

from deploy.local.account import Account, choose_account
from deploy.local.binaries import Wheel, find_valkey, runnable
from deploy.local.command import Command, spawn
from deploy.local.postgres import PostgresServer, clear_pid_file, place_cluster, prepare_postgres
from deploy.local.process import end, is_alive, mark
from deploy.local.valkey import ValkeyServer, prepare_valkey

WAIT_S = 15.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what only root does: run the servers as another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can enter."""
    path = Path(tempfile.mkdtemp(prefix="ringpost-servers-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextmanager
def running(server: PostgresServer | ValkeyServer) -> Iterator[subprocess.Popen[bytes]]:
    process = spawn(server.command, subprocess.DEVNULL)
    try:
        wait_until(lambda: server.is_ready(process.pid))
        yield process
    finally:
        end(process.pid, [(server.command.stop_signal, WAIT_S), (signal.SIGKILL, 1.0)])
        process.wait(1)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def ask(url: str, question: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(question))
    finally:
        await connection.close()


def account() -> Account:
    chosen = choose_account()
    assert chosen is not None
    return chosen


async def test_postgres_is_durable_and_wants_the_password(postgres: PostgresServer) -> None:
    assert await ask(postgres.url, "SHOW server_version") >= "18"
    assert await ask(postgres.url, "SHOW fsync") == "on"
    assert await ask(postgres.url, "SHOW synchronous_commit") == "on"
    assert await ask(postgres.url, "SHOW listen_addresses") == "127.0.0.1"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url, password="a guess")


def test_valkey_is_a_bounded_cache_and_wants_the_password(valkey: ValkeyServer) -> None:
    with Redis.from_url(valkey.url, decode_responses=True) as redis:
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
        assert int(redis.config_get("maxmemory")["maxmemory"]) > 0
        assert redis.config_get("save") == {"save": ""}
        assert redis.config_get("bind") == {"bind": "127.0.0.1"}
    with Redis(port=valkey.port) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


async def test_what_was_committed_is_there_after_kill_9_and_a_second_start(place: Path) -> None:
    password = token_hex(8)
    first = prepare_postgres(place, password, choose_account())
    with running(first) as process:
        await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        process.kill()
        process.wait()
    assert (first.cluster / "postmaster.pid").exists()

    second = prepare_postgres(place, password, choose_account())
    with running(second):
        assert await ask(second.url, "SELECT answer FROM kept") == "42"


def test_a_cluster_that_was_left_half_made_is_made_anew(place: Path) -> None:
    (place / "postgres.part").mkdir()
    (place / "postgres.part" / "PG_VERSION").write_text("18\n")
    (place / "postgres.password").write_text("old")

    server = prepare_postgres(place, token_hex(8), choose_account())

    assert sorted(path.name for path in place.iterdir()) == ["postgres"]
    assert server.cluster.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["gone", "zombie", "another program"])
def test_a_stale_pid_file_is_removed_and_nobody_is_harmed(place: Path, kind: str) -> None:
    other = subprocess.Popen(["sleep", "0" if kind != "another program" else "60"])
    if kind == "gone":
        other.wait()
    if kind == "zombie":
        wait_until(lambda: not is_alive(other.pid))
    (place / "postmaster.pid").write_text(f"{other.pid}\n{place}\n")

    clear_pid_file(place)

    assert not (place / "postmaster.pid").exists()
    assert is_alive(other.pid) == (kind == "another program")
    other.kill()
    other.wait()


def test_a_postgres_of_another_cluster_that_got_the_id_is_left_alone(place: Path, postgres: PostgresServer) -> None:
    foreign = (postgres.cluster / "postmaster.pid").read_text()
    pid = int(foreign.splitlines()[0])
    (place / "postmaster.pid").write_text(foreign)

    clear_pid_file(place)

    assert is_alive(pid)


def test_a_postgres_that_was_left_running_on_the_cluster_is_stopped(place: Path) -> None:
    password = token_hex(8)
    server = prepare_postgres(place, password, choose_account())
    left = spawn(server.command, subprocess.DEVNULL)
    wait_until(lambda: server.is_ready(left.pid))

    again = prepare_postgres(place, password, choose_account())

    assert left.wait(1) == 0
    with running(again):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's; elsewhere the next start stops them")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_servers_do_not_outlive_who_started_them(place: Path, ending: signal.Signals) -> None:
    prepare_postgres(place, "secret", choose_account())
    code = f"""
import pathlib, subprocess, sys, time
from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.postgres import prepare_postgres
from deploy.local.valkey import prepare_valkey
account = choose_account()
servers = [prepare_postgres(pathlib.Path({str(place)!r}), "secret", account), prepare_valkey("secret", account)]
children = [spawn(server.command, subprocess.DEVNULL) for server in servers]
while not all(server.is_ready(child.pid) for server, child in zip(servers, children)):
    time.sleep(0.02)
print(*(child.pid for child in children), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    parent.send_signal(ending)
    parent.wait()
    parent.stdout.close()

    assert psutil.wait_procs(children, timeout=WAIT_S)[1] == []


def test_what_a_command_is_told_shows_neither_in_its_words_nor_in_its_repr() -> None:
    server = prepare_valkey("a secret word", choose_account())

    assert "a secret word" not in f"{server!r} {server.command!r} {server.command.argv} {dict(server.command.env)}"


def test_an_ended_process_is_not_mistaken_for_a_later_one() -> None:
    process = subprocess.Popen(["sleep", "60"])
    assert mark(process.pid) == mark(process.pid) is not None
    assert mark(process.pid) != mark(os.getpid())
    process.kill()
    wait_until(lambda: mark(process.pid) is None)
    process.wait()
    assert mark(process.pid) is None


def test_a_process_that_does_not_heed_a_signal_gets_the_next() -> None:
    command = Command(
        "stubborn", (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"), {}
    )
    process = spawn(replace(command, env={"PATH": os.environ["PATH"]}), subprocess.DEVNULL)
    time.sleep(0.3)
    end(process.pid, [(signal.SIGTERM, 0.2), (signal.SIGKILL, WAIT_S)])
    assert process.wait(1) == -signal.SIGKILL


@as_root
def test_as_root_the_servers_run_as_an_ordinary_user(postgres: PostgresServer, valkey: ValkeyServer) -> None:
    chosen = account()
    assert chosen.uid != 0
    for server in (postgres, valkey):
        assert server.command.account == chosen
    pid = int((postgres.cluster / "postmaster.pid").read_text().split()[0])
    assert set(psutil.Process(pid).uids()) == {chosen.uid}
    assert set(psutil.Process(pid).gids()) == {chosen.gid}


@as_root
def test_data_under_a_private_folder_go_where_the_user_can_enter(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)

    cluster = place_cluster(private / "data", account(), place / "shared")

    assert cluster.is_relative_to(place / "shared")
    assert cluster == place_cluster(private / "data", account(), place / "shared")
    assert cluster != place_cluster(private / "other", account(), place / "shared")
    assert place_cluster(place / "open", account(), place / "shared") == place / "open" / "postgres"


@as_root
def test_programs_under_a_private_folder_are_copied_once_with_their_libraries(place: Path) -> None:
    private = place / "private"
    wheel = find_valkey()
    copy = Wheel(private / wheel.package.name, private / wheel.program.relative_to(wheel.package.parent))
    copy.program.parent.mkdir(parents=True)
    shutil.copy2(wheel.program, copy.program)
    copy.libraries.mkdir()
    (copy.libraries / "libx.so").write_text("")
    private.chmod(0o700)

    program = runnable(copy, account(), place / "shared")
    made = program.stat().st_ino

    assert account().can_run(program)
    assert (program.parents[2].with_name(wheel.package.name + ".libs") / "libx.so").exists()
    assert runnable(copy, account(), place / "shared").stat().st_ino == made
    assert len(list((place / "shared" / "bin").iterdir())) == 1
    assert runnable(wheel, None, place / "shared") == wheel.program
