"""The write benchmark on real systems: a short run of a part, and a database that is not what was acknowledged."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.postgres import PostgresServer
from tests.bench.cores import choose_cores
from tests.bench.cpu import Meter
from tests.bench.database import Database, ringpost_database
from tests.bench.failure import Failed
from tests.bench.ledger import Ledger
from tests.bench.pace import Watched, watch_pace
from tests.bench.peers.pgbench import FOUR_STATEMENTS, ONE_STATEMENT, Pgbench
from tests.bench.peers.tables import make_tables
from tests.databases import a_database, execute
from tests.system import ROOT

pytestmark = pytest.mark.slow

ROOM = str(UUID(int=7))
_INSERT = """
INSERT INTO events (conversation_id, seq, sender, id, type, text, digest, messages, at)
VALUES ($1, $2, 'alice', $3, 'message', 'hi', '', $2, now())
"""


@pytest.fixture
async def told(postgres_url: str) -> AsyncIterator[tuple[Ledger, Database]]:
    """A ledger of three sends, and the database in which they are stored as it says."""
    ledger, database = Ledger(), ringpost_database(postgres_url)
    await database.empty()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("INSERT INTO conversations (conversation_id, kind, head) VALUES ($1, 'group', 3)", ROOM)
    for seq in (1, 2, 3):
        id = uuid4()
        ledger.send(str(id), ROOM, 0, 0.0, lambda: None)
        ledger.ack(ROOM, str(id), seq)
        await connection.execute(_INSERT, ROOM, seq, id)
    yield ledger, database
    await connection.close()


async def test_what_is_stored_as_it_was_acknowledged_passes(told: tuple[Ledger, Database]) -> None:
    ledger, database = told

    await database.check(ledger)


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM events WHERE seq = 2",
        "UPDATE events SET seq = 4 WHERE seq = 3",
        "UPDATE events SET id = gen_random_uuid() WHERE seq = 1",
        "UPDATE conversations SET head = 4",
    ],
)
async def test_a_fault_in_the_database_is_found(told: tuple[Ledger, Database], fault: str) -> None:
    ledger, database = told
    await execute(database.url, fault)

    with pytest.raises(Failed):
        await database.check(ledger)


@pytest.mark.parametrize("script", [FOUR_STATEMENTS, ONE_STATEMENT])
async def test_pgbench_stores_what_it_says(postgres: PostgresServer, tmp_path: Path, script: str) -> None:
    async with a_database(postgres.url, "template1") as url:
        pgbench = Pgbench(await make_tables(url), Meter(os.getpid()), choose_cores([0]), tmp_path, "a text of pgbench's")

        pace = await pgbench.measure(script, 10, 4, 0.5)

    assert pace.per_second > 0
    assert pace.busy.load > 0


async def test_a_message_that_pgbench_did_not_count_is_found(postgres: PostgresServer) -> None:
    async with a_database(postgres.url, "template1") as url:
        tables = await make_tables(url)
        await tables.reset(2)
        await execute(url, "UPDATE conversations SET head = 1")
        await execute(url, "INSERT INTO messages SELECT conversation_id, 1, 'alice', conversation_id, 'hi' FROM conversations")
        await tables.check(2, are_counted=True)
        await execute(url, "UPDATE conversations SET head = 2 WHERE conversation_id = lpad('2', 32, '0')::uuid")

        with pytest.raises(Failed, match="1 conversations are not whole"):
            await tables.check(2, are_counted=True)


async def test_what_does_not_go_on_has_no_pace() -> None:
    async def count() -> int:
        return 7

    with pytest.raises(Failed):
        await watch_pace(count, Watched(Meter(os.getpid()), choose_cores([0])), 0.05)


def test_a_short_run_measures_us_and_pgbench(tmp_path: Path) -> None:
    words = ("write", "--rounds", "1", "--seconds", "1", "--only", "one conversation", "--out", str(tmp_path))
    argv = [sys.executable, "-m", "tests.bench", *words]

    bench = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=110)

    assert bench.returncode == 0, bench.stderr
    assert "pgbench" in bench.stdout
    assert list(tmp_path.iterdir()) == []
