"""asyncpg alone on the peers' tables: `unnest` batches, which are the ceiling, and one insert at a time, which is the floor."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from tests.bench.pace import Pace, Watched, watch_pace
from tests.bench.peers.tables import Tables
from tests.bench.pulse import Pulse, run_pulse
from tests.bench.window import without_gc

BATCH, CONNECTIONS, USERS, WARM_S = 500, 4, 100, 0.5
_INSERT = "INSERT INTO messages (conversation_id, seq, sender, id, text)"
_MANY = f"{_INSERT} SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::text[]) ON CONFLICT DO NOTHING"
_ONE = f"{_INSERT} VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"

Row = tuple[UUID, int, str, UUID, str]


@dataclass(slots=True)
class Numbers:
    """What is inserted next: conversation after conversation, numbered here and not in the database."""

    conversations: int
    text: str
    drawn: int = 0
    stored: int = 0

    def draw(self) -> Row:
        seq, place = divmod(self.drawn, self.conversations)
        self.drawn += 1
        return UUID(f"{place + 1:032}"), seq + 1, f"sender-{place % USERS}", uuid4(), self.text

    def draw_columns(self, rows: int) -> Sequence[Sequence[object]]:
        return [*map(list, zip(*(self.draw() for _ in range(rows)), strict=True))]


async def run_batches(tables: Tables, conversations: int, text: str, watched: Watched, seconds: float) -> Pace:
    """Insert batches of 500 by four connections at once, so that one's commit does not hold up the others' inserts."""
    await tables.reset(conversations)
    numbers = Numbers(conversations, text)
    is_over = asyncio.Event()

    async def count() -> int:
        return numbers.stored

    async with AsyncExitStack() as stack:
        connections = [await _open(stack, tables.url) for _ in range(CONNECTIONS)]
        with without_gc():
            async with asyncio.TaskGroup() as group:
                for connection in connections:
                    group.create_task(_insert(connection, numbers, is_over))
                await asyncio.sleep(WARM_S)
                pace = await watch_pace(count, watched, seconds)
                is_over.set()
    await tables.check(numbers.drawn, are_counted=False)
    return pace


async def run_direct(tables: Tables, text: str, watched: Watched, seconds: float) -> Pulse:
    """Insert one message at a time, each by a commit of its own."""
    await tables.reset(1)
    numbers = Numbers(1, text)
    async with AsyncExitStack() as stack:
        connection = await _open(stack, tables.url)
        statement = await connection.prepare(_ONE)

        async def say() -> None:
            await statement.fetch(*numbers.draw())

        pulse = await run_pulse(say, watched, seconds)
    await tables.check(numbers.drawn, are_counted=False)
    return pulse


async def _insert(connection: Any, numbers: Numbers, is_over: asyncio.Event) -> None:
    statement = await connection.prepare(_MANY)
    while not is_over.is_set():
        await statement.fetch(*numbers.draw_columns(BATCH))
        numbers.stored += BATCH


async def _open(stack: AsyncExitStack, url: str) -> Any:
    connection = await asyncpg.connect(url)
    stack.push_async_callback(connection.close)
    return connection
