"""A database of a test's own, or of a module's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

import asyncpg


def database_url(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{name}"


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def a_database(url: str, template: str) -> AsyncIterator[str]:
    """Copy *template* on the server at *url*; yield the copy's URL, and drop it in the end."""
    name = f"test_{token_hex(6)}"
    await execute(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield database_url(url, name)
    await execute(url, f"DROP DATABASE {name} WITH (FORCE)")
