"""Connections to Postgres that end by their deadline, whatever the server does.

asyncpg's own time-outs wait for the server to confirm a cancellation, and a stopped server never does. So each wait here has a
timer that terminates the connection's transport instead.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from shared.errors import Unavailable

Connection: TypeAlias = Any  # asyncpg publishes no types
LAST_LOOK_S = 0.01

_AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # also that the server's farewell was read and its end not yet
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise Unavailable for what says that Postgres is away, busy or restarting; let every other error through."""
    try:
        yield
    except _AWAY as error:
        raise Unavailable("The database is away; try again after the pause.") from error


@asynccontextmanager
async def deadline(connection: Connection, timeout_s: float) -> AsyncIterator[None]:
    """Terminate *connection* if the block takes longer than *timeout_s*, which ends its wait with Unavailable."""
    loop = asyncio.get_running_loop()

    def give_up() -> None:
        # Once more through the loop: it may be the one that is late, and the answer long there.
        timers.append(loop.call_later(LAST_LOOK_S, connection.terminate))

    timers = [loop.call_later(timeout_s, give_up)]
    try:
        with translated():
            yield
    finally:
        for timer in timers:
            timer.cancel()


async def connect(url: str, timeout_s: float, name: str) -> Connection:
    """Open a connection whose server, too, ends statements and lock waits within *timeout_s*.

    Raises:
        Unavailable: Postgres does not take it in time.
    """
    limit_ms = str(int(timeout_s * 1000))
    settings = {
        "application_name": name,
        "jit": "off",
        "lock_timeout": str(int(timeout_s * 500)),
        "statement_timeout": limit_ms,
        "idle_in_transaction_session_timeout": limit_ms,
    }
    with translated():
        async with asyncio.timeout(timeout_s):
            return await asyncpg.connect(url, timeout=timeout_s, server_settings=settings)


async def read_epoch(connection: Connection, timeout_s: float) -> UUID:
    """Return the epoch of the database's history, renewed if this is another system or timeline than it knows."""
    async with deadline(connection, timeout_s):
        epoch: UUID = await connection.fetchval("SELECT current_epoch()")
        return epoch


class Connections:
    """A few connections for reading, opened when they are first needed and again when they died.

    Whoever finds none free waits, at most as long as for an answer.
    """

    def __init__(self, url: str, *, size: int, timeout_s: float, name: str) -> None:
        self._url, self._timeout_s, self._name = url, timeout_s, name
        self._free: list[Connection] = []
        self._slots = asyncio.Semaphore(size)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for statements that together take no longer than the time-out.

        Raises:
            Unavailable: none came free, or Postgres did not answer, in time.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                await self._slots.acquire()
        try:
            connection = await self._open()
            try:
                async with deadline(connection, self._timeout_s):
                    yield connection
            except BaseException:
                connection.terminate()
                raise
            self._free.append(connection)
        finally:
            self._slots.release()

    async def _open(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        connection = await connect(self._url, self._timeout_s, self._name)
        await read_epoch(connection, self._timeout_s)
        return connection

    async def close(self) -> None:
        """Close what is open, at once."""
        while self._free:
            self._free.pop().terminate()
