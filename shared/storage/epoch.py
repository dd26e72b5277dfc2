"""The epoch of a database's history, and how an operator begins another one."""

import asyncpg

from shared.storage.connection import connect, deadline


async def renew(postgres_url: str, timeout_s: float) -> tuple[str, str]:
    """Give the database at *postgres_url* another epoch; return the one before and the new one.

    Raises:
        Unavailable: Postgres did not answer in time.
        LookupError: what answers is no database of Ringpost.
    """
    connection = await connect(postgres_url, timeout_s, "ringpost-restored")
    try:
        async with deadline(connection, timeout_s):
            before = await connection.fetchval("SELECT current_epoch()")
            after = await connection.fetchval("UPDATE history_epoch SET epoch = gen_random_uuid() RETURNING epoch")
    except (asyncpg.UndefinedFunctionError, asyncpg.UndefinedTableError):
        raise LookupError("this database has no conversations") from None
    finally:
        connection.terminate()
    return str(before), str(after)
