"""The deadline of a statement, on a real connection."""

import asyncio
import time

import asyncpg
import pytest

from shared.errors import Unavailable
from shared.storage.connection import deadline


async def test_an_answer_that_is_there_when_a_busy_loop_looks_at_last_counts(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        async with deadline(connection, 0.2):
            asking = asyncio.ensure_future(connection.fetchval("SELECT 1 FROM pg_sleep(0.05)"))
            await asyncio.sleep(0.01)
            time.sleep(0.5)  # noqa: ASYNC251  # the loop itself is held up, well past the deadline
            assert await asking == 1
    finally:
        await connection.close()


async def test_a_statement_that_takes_too_long_is_given_up(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        async with deadline(connection, 0.2):
            await connection.fetchval("SELECT 1 FROM pg_sleep(5)")
    assert time.monotonic() - began < 2
    assert connection.is_closed()
