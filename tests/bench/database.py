"""A chat system's database, seen from beside: emptied before a run, compared after it with what was acknowledged."""

from dataclasses import dataclass

import asyncpg

from tests.bench.failure import Failed
from tests.bench.ledger import SHOWN, Ledger
from tests.bench.stored import Row, find_faults


@dataclass(frozen=True, slots=True)
class Database:
    """Where a system keeps its events, and how they are read: in order, and (None: it promises no count) the heads."""

    url: str
    table: str
    events: str
    heads: str | None

    async def empty(self) -> None:
        """Take out what earlier runs stored, and write all to disk, so that no run pays for another one."""
        connection = await asyncpg.connect(self.url)
        await connection.execute(f"TRUNCATE {self.table}")
        await connection.execute("CHECKPOINT")
        await connection.close()

    async def check(self, ledger: Ledger) -> None:
        """Raise Failed unless all that was acknowledged since `empty`, and nothing else, is stored as it must be."""
        connection = await asyncpg.connect(self.url)
        rows = [Row(*row) for row in await connection.fetch(self.events)]
        heads = dict(await connection.fetch(self.heads)) if self.heads else None
        await connection.close()
        faults = list(find_faults(ledger.sends, rows, heads, ledger.doubtful))
        if faults:
            raise Failed(f"{len(faults)} faults in what is stored, the first: " + "; ".join(faults[:SHOWN]))


def ringpost_database(url: str) -> Database:
    return Database(
        url,
        "events",
        "SELECT conversation_id::text, seq, sender, id::text FROM events ORDER BY conversation_id, seq",
        "SELECT conversation_id::text, head FROM conversations WHERE kind <> 'inbox'",
    )


def tutorial_database(url: str) -> Database:
    """Its seqs are one sequence for all conversations."""
    return Database(
        url, "messages", "SELECT conversation::text, seq, sender, id::text FROM messages ORDER BY conversation, seq", None
    )
