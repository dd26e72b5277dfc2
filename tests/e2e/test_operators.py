"""What operators look at, on a whole system whose parts are spoiled one after the other."""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
import redis

from deploy.doctor.examination import Patient, examine
from deploy.local.access import Access
from deploy.local.servers import Servers
from tests.system import ROOT, Up

pytestmark = pytest.mark.slow

LOCK_S = 30.0


def ringpost(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "RINGPOST_DATA": str(up.data)}
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def found(up: Up) -> str:
    """Return what the doctor finds, a line each, as of another's machine: nothing is forgiven."""
    local = up.local()
    servers = Servers(local.postgres_url, local.redis_url, "ringpost", "too short", local.admin_key)
    access = Access(up.read_url, up.write_url, None)
    findings = asyncio.run(examine(Patient(local.admin_urls, servers, access), is_deep=False))
    return "\n".join(f"{one.level} {one.about}: {one.what}" for one in findings)


@contextmanager
def stopped(up: Up, *parts: str) -> Iterator[None]:
    pids = [up.local().processes[part] for part in parts]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def spoil_postgres(up: Up) -> None:
    connection = await asyncpg.connect(up.local().postgres_url)
    for setting in ("synchronous_commit", "full_page_writes"):
        await connection.execute(f"ALTER SYSTEM SET {setting} = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.execute("UPDATE alembic_version SET version_num = '0001'")
    await connection.close()


def spoil_redis(up: Up) -> None:
    with redis.Redis.from_url(up.local().redis_url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 10")
        client.hset("ringpost:pool:read", "read-9", json.dumps({"name": "read-9"} | RECORD))


RECORD = {"host": "127.0.0.1", "port": 9, "state": "ready", "connections": 0, "capacity": 1}


def test_a_system_that_is_well_and_then_is_not(system: Up) -> None:
    well = ringpost(system, "doctor", "--deep")
    asyncio.run(spoil_postgres(system))
    spoil_redis(system)
    time.sleep(1)
    spoiled = found(system)
    with stopped(system, "read-1"):
        time.sleep(6)  # three looks of a second each, and pauses
        down = found(system)
    with stopped(system, "postgres", "redis"):
        away = found(system)

    assert well.returncode == 0, well.stdout + well.stderr
    assert "round trip: acknowledged after" in well.stdout
    assert "All is well." in well.stdout
    for words in (
        "wrong postgres: synchronous_commit is off",
        "wrong postgres: full_page_writes is off",
        "wrong postgres: has the schema 0001",
        "wrong redis: refuses writes when its memory is full",
        "beware redis: cuts a subscriber with 1.0 MiB unread",
        "wrong read at router-1: read-9 (127.0.0.1:9) does not answer its looks",
        "beware router-1: one gateway alone serves write",
        "wrong keys: RINGPOST_JWT_KEY has 9 bytes",
        "beware keys: " + system.read_url + " hands a token of any user",
    ):
        assert words in spoiled, spoiled
    assert "wrong read at router-1: read-1" in down, down
    assert "wrong postgres: does not answer" in away, away
    assert "wrong redis: does not answer" in away, away


def test_the_view_is_drawn_once_as_json_and_live_until_q(system: Up) -> None:
    os.kill(system.local().processes["read-2"], signal.SIGSTOP)
    told = json.loads(ringpost(system, "top", "--json").stdout)
    once = ringpost(system, "top", "--once")
    os.kill(system.local().processes["read-2"], signal.SIGCONT)
    status, live = watch(system)

    assert {gateway["name"] for gateway in told["gateways"]} == {"read-1", "read-2", "write-1"}
    assert [gateway["name"] for gateway in told["gateways"] if gateway["notes"]] == ["read-2"]
    assert "does not answer us" in once.stdout
    assert (once.returncode, once.stderr) == (0, "")
    assert status == 0
    assert b"read-1" in live
    assert live.endswith((b"\x1b[?25h", b"\x1b[?1049l\x1b[?25h", b"\x1b[?25h\x1b[?1049l"))  # the screen is given back


def watch(system: Up) -> tuple[int, bytes]:
    """Look at the live view in a terminal, press q when it is there; return the exit status and all that was drawn."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "RINGPOST_DATA": str(system.data), "TERM": "xterm", "COLUMNS": "140"}
    command = [sys.executable, "-m", "deploy.cli", "top", "--every", "0.5"]
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn, deadline = b"", time.monotonic() + LOCK_S
    while time.monotonic() < deadline and select.select([ours], [], [], LOCK_S)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        if b"router-1" in part:
            os.write(ours, b"q")
        drawn += part
    status = child.wait(10)
    os.close(ours)
    return status, drawn
