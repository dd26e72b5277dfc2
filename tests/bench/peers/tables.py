"""The tables of the peers that are Postgres alone: a counter a conversation, and messages with the same two indexes as ours."""

from typing import Any

import asyncpg

from tests.bench.failure import Failed

SCHEMA = """
CREATE TABLE conversations (
    conversation_id uuid PRIMARY KEY,
    head            bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE messages (
    conversation_id uuid NOT NULL,
    seq             bigint NOT NULL,
    sender          text COLLATE "C" NOT NULL,
    id              uuid NOT NULL,
    text            text NOT NULL,
    at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, seq),
    UNIQUE (conversation_id, sender, id)
);
"""
_FILL = "INSERT INTO conversations SELECT lpad(n::text, 32, '0')::uuid FROM generate_series(1, $1::integer) n"
_STORED = """
SELECT coalesce(sum(n), 0)::bigint AS stored, count(*) FILTER (WHERE n <> last OR ($1 AND last IS DISTINCT FROM head)) AS broken
FROM (SELECT conversation_id, count(*) AS n, max(seq) AS last FROM messages GROUP BY conversation_id) m
LEFT JOIN conversations c USING (conversation_id)
"""


class Tables:
    """The tables, through a connection of their own. The conversations' ids are 1, 2, 3 … in decimal digits."""

    def __init__(self, connection: Any, url: str) -> None:
        self._connection, self.url = connection, url

    async def reset(self, conversations: int) -> None:
        """Begin anew, with so many conversations; write all to disk, so that no run pays for another one."""
        await self._connection.execute("TRUNCATE conversations, messages")
        await self._connection.execute(_FILL, conversations)
        await self._connection.execute("VACUUM ANALYZE conversations")
        await self._connection.execute("CHECKPOINT")

    async def count(self) -> int:
        """Return how many messages the counters have counted."""
        counted: int = await self._connection.fetchval("SELECT sum(head)::bigint FROM conversations")
        return counted

    async def check(self, expected: int, *, are_counted: bool) -> None:
        """Raise Failed unless there are so many messages, without a hole, and as many as the counters say where these count."""
        stored, broken = await self._connection.fetchrow(_STORED, are_counted)
        if stored != expected or broken:
            raise Failed(f"{expected} messages were sent, {stored} are stored, and {broken} conversations are not whole")


async def make_tables(url: str) -> Tables:
    """Make the tables in the empty database at *url*."""
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA)
    return Tables(connection, url)
