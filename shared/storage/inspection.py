"""What Postgres says of itself to an operator: one look, changing nothing."""

import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.storage.connection import connect, deadline

_FACTS = """
SELECT current_setting('server_version_num')::int AS version,
       current_setting('fsync') = 'on' AS syncs,
       current_setting('full_page_writes') = 'on' AS writes_full_pages,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most_connections,
       pg_is_in_recovery() AS is_standby,
       extract(epoch FROM clock_timestamp())::float8 AS unix_s,
       pg_database_size(current_database()) AS bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS connections,
       (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock')::int AS waiting,
       coalesce((SELECT extract(epoch FROM max(clock_timestamp() - xact_start)) FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()), 0)::float8 AS longest_s,
       coalesce((SELECT max(age(datfrozenxid)) FROM pg_database), 0)::int8 AS oldest_transaction,
       coalesce((SELECT n_dead_tup::float8 / greatest(n_live_tup, 1) FROM pg_stat_user_tables
           WHERE relname = 'conversations' AND n_dead_tup > 10000), 0)::float8 AS dead_rows,
       (SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory')::int AS migrators_waiting
"""


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """*waiting*: statements that wait for a lock; *longest_s*: the age of the oldest open transaction; *dead_rows*: of
    conversations, a live one; *clock_s*: how far its clock is ahead of ours; *revision*: None if there is no schema."""

    version: int
    syncs: bool
    writes_full_pages: bool
    synchronous_commit: str
    most_connections: int
    is_standby: bool
    clock_s: float
    bytes: int
    connections: int
    waiting: int
    longest_s: float
    oldest_transaction: int
    dead_rows: float
    migrators_waiting: int
    revision: str | None
    newest_revision: str
    epoch: str | None


async def inspect(postgres_url: str, timeout_s: float) -> PostgresFacts:
    """Return the facts; raise Unavailable where Postgres does not answer in time."""
    connection = await connect(postgres_url, timeout_s, "ringpost-doctor")
    try:
        async with deadline(connection, timeout_s):
            row = dict(await connection.fetchrow(_FACTS))
            clock_s = row.pop("unix_s") - time.time()
            revision, epoch = None, None
            try:
                revision = await connection.fetchval("SELECT version_num FROM alembic_version")
                epoch = await connection.fetchval("SELECT epoch::text FROM history_epoch")
            except asyncpg.UndefinedTableError:
                pass
    finally:
        connection.terminate()
    return PostgresFacts(**row, clock_s=clock_s, revision=revision, newest_revision=_newest(), epoch=epoch)


def _newest() -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None, "there are migrations"
    return head
