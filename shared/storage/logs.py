"""Logs as the read gateways follow them: which are not where a gateway thinks they are, and runs of their events."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared.storage.connection import Connections
from shared.storage.events import COLUMNS, from_row
from shared.storage.history import Head

# A log that is not there (any more) has the head 0. `= ANY` goes through the index once, whatever else the table holds; without
# the OFFSET it would be a condition of a join, and the whole table would be read.
_DIFFERING = """
SELECT h.epoch, d.log, d.head, d.generation
FROM history_epoch h LEFT JOIN (
    SELECT k.log, coalesce(c.head, 0) AS head, coalesce(c.generation, 0) AS generation
    FROM unnest($1::uuid[], $2::bigint[]) AS k (log, place)
    LEFT JOIN (
        SELECT conversation_id, head, generation FROM conversations WHERE conversation_id = ANY ($1::uuid[]) OFFSET 0
    ) c ON c.conversation_id = k.log
    WHERE coalesce(c.head + c.generation, 0) <> k.place
) d ON true
"""
_RUN = f"""
SELECT h.epoch, c.generation, e.*
FROM history_epoch h CROSS JOIN conversations c LEFT JOIN LATERAL (
    SELECT {COLUMNS} FROM events
    WHERE conversation_id = c.conversation_id AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT $4
) e ON true
WHERE c.conversation_id = $1 ORDER BY e.seq
"""  # noqa: S608  # constants


class Run(NamedTuple):
    """Events of a log, ascending and without a hole, and what its generation was when they were read."""

    epoch: UUID
    generation: int
    events: Sequence[dict[str, Any]]


class Logs:
    """What is read again and again of many logs."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def differing(self, logs: Sequence[UUID], places: Sequence[int]) -> tuple[UUID, dict[UUID, Head]]:
        """Return the epoch, and what is true of those of *logs* that are not at the place that is given.

        A place is head + generation. In one history both only rise, so it tells of either; in an older one both are lower.
        """
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_DIFFERING, logs, places)
        return rows[0][0], {row[1]: Head(row[2], row[3]) for row in rows if row[1] is not None}

    async def run(self, log: UUID, first: int, last: int, limit: int) -> Run | None:
        """Return the events *first* … *last*, or the first *limit* of them; None if there is no such log."""
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_RUN, log, first, last, limit)
        if not rows:
            return None
        return Run(rows[0]["epoch"], rows[0]["generation"], [from_row(row) for row in rows if row["seq"] is not None])
