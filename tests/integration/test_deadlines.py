"""A statement ends by its deadline, and a connection that the server has given up is Unavailable."""

import asyncio
import time

import asyncpg
import pytest

from shared.errors import Unavailable
from shared.storage.connection import Connections, deadline
from tests.wire import Flow, Wire, laid, target_of


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


class Lingering(Wire):
    """A wire on which the end of a connection comes long after the server's last words."""

    def _flows(self) -> tuple[Flow, Flow]:
        async def back(data: bytes) -> bytes:
            if not data:
                await asyncio.sleep(5)
            return data

        return self._pass, back


async def test_a_connection_on_which_the_server_said_that_it_ends_is_unavailable_and_another_is_opened(
    postgres_url: str,
) -> None:
    async with laid(Lingering(*target_of(postgres_url)), postgres_url) as url:
        connections = Connections(url, size=1, timeout_s=2.0, name="test")
        async with connections.connection() as connection:
            first = await connection.fetchval("SELECT pg_backend_pid()")
        other = await asyncpg.connect(postgres_url)
        await other.execute("SELECT pg_terminate_backend($1)", first)
        await asyncio.sleep(0.2)

        with pytest.raises(Unavailable):
            async with connections.connection() as connection:
                await connection.fetchval("SELECT 1")
        async with connections.connection() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") != first
        await connections.close()
        await other.close()
