"""Read logs: memberships, heads, ranges of events."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from shared import limits
from shared.errors import Unavailable
from shared.storage.connection import Connections
from shared.storage.conversations import inbox_id
from shared.storage.events import COLUMNS, from_row
from shared.storage.markers import COUNTED, REMEMBER, REMEMBERED_EVENTS, UNREAD

_HEADS = """
SELECT h.epoch, c.conversation_id, c.head, c.generation
FROM history_epoch h LEFT JOIN conversations c ON c.conversation_id = ANY($1::uuid[])
"""
# One statement, so one moment. A user without a conversation is one row, with nulls. LATERAL with OFFSET 0 has each row looked
# up by its key: without it the planner may read all conversations or members, for each user anew.
_MEMBERSHIPS = """
SELECT u.n::integer, h.epoch, i.head, m.conversation_id, c.head, c.generation, m.joined_seq, m.visible_from, m.inbox_seq,
       m.read_seq
FROM history_epoch h CROSS JOIN unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS u (user_id, inbox, n)
LEFT JOIN LATERAL (SELECT head FROM conversations WHERE conversation_id = u.inbox OFFSET 0) i ON true
LEFT JOIN LATERAL (SELECT * FROM members o WHERE o.user_id = u.user_id {named} OFFSET 0) m ON true
LEFT JOIN LATERAL (SELECT head, generation FROM conversations WHERE conversation_id = m.conversation_id OFFSET 0) c ON true
"""
_ALL_MEMBERSHIPS, _ONE_MEMBERSHIP = _MEMBERSHIPS.format(named=""), _MEMBERSHIPS.format(named="AND o.conversation_id = $3")
_LISTED = f"""
SELECT c.conversation_id AS conversation, c.kind, c.title, c.topic, m.role, c.history, c.access, c.head, c.messages,
       m.joined_seq AS joined, m.read_seq AS read,
       CASE c.kind WHEN 'direct' THEN (
           SELECT o.user_id FROM members o WHERE o.conversation_id = c.conversation_id AND o.user_id <> $1
       ) END AS "with",
       {UNREAD}, w.unknown
FROM members m JOIN conversations c USING (conversation_id) {COUNTED}
WHERE m.user_id = $1 AND ($2::uuid IS NULL OR m.conversation_id > $2)
ORDER BY m.conversation_id LIMIT $3
"""  # noqa: S608  # constants
_BEFORE = f"SELECT {COLUMNS} FROM events WHERE conversation_id = $1 AND seq < $2 AND seq >= $3 ORDER BY seq DESC LIMIT $4"  # noqa: S608


class Head(NamedTuple):
    """How far a log has come. *generation* rises when an event's text was erased."""

    seq: int
    generation: int


class Membership(NamedTuple):
    """One of a user's conversations: its head, and which of its events the user may see and follows."""

    conversation: UUID
    head: Head
    joined: int
    visible_from: int
    inbox_seq: int
    read: int = 0


class Memberships(NamedTuple):
    """All of a user's conversations, as of one moment. Made by the thousand when a crowd comes, so tuples all three."""

    epoch: UUID
    inbox_head: int
    of: Mapping[UUID, Membership]


Event = Mapping[str, Any]
OVERHEAD_BYTES = 300


class History:
    """The logs, read."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def heads(self, logs: Sequence[UUID]) -> tuple[UUID, dict[UUID, Head]]:
        """Return the epoch, and the heads of those *logs* that exist."""
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_HEADS, logs)
        return rows[0][0], {row[1]: Head(row[2], row[3]) for row in rows if row[1] is not None}

    async def memberships(self, user: str, conversation: UUID | None = None) -> Memberships:
        """Return the user's conversations, or the one of them that is named."""
        if conversation is None:
            return (await self.memberships_of([user]))[0]
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_ONE_MEMBERSHIP, [user], [inbox_id(user)], conversation)
        return _memberships(rows, 1)[0]

    async def memberships_of(self, users: Sequence[str]) -> list[Memberships]:
        """Return the conversations of each of *users*, in their order."""
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_ALL_MEMBERSHIPS, users, [inbox_id(user) for user in users])
        return _memberships(rows, len(users))

    async def listed(self, user: str, after: UUID | None, limit: int) -> tuple[Memberships, list[dict[str, Any]]]:
        """Return a page of the user's conversations as `docs/protocol.md` shows them, by id."""
        async with self._connections.connection() as connection, connection.transaction(isolation="repeatable_read"):
            head = await connection.fetchrow(_HEADS, [inbox_id(user)])
            listed = [dict(row) for row in await connection.fetch(_LISTED, user, after, limit)]
        long = [row["conversation"] for row in listed if row.pop("unknown") > REMEMBERED_EVENTS]
        if long:
            await self._remember(user, long)
        return Memberships(head[0], head[2] or 0, {}), listed

    async def _remember(self, user: str, conversations: Sequence[UUID]) -> None:
        """Have the user's own messages in *conversations* counted once, and not for each list anew."""
        with suppress(Unavailable):
            async with self._connections.connection() as connection:
                await connection.execute(REMEMBER, user, conversations)

    async def before(self, log: UUID, seq: int, downto: int, limit: int) -> list[Event]:
        """Return the events *downto* … seq-1 that come last, ascending: at most *limit*, about a page's bytes, at least one."""
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_BEFORE, log, seq, downto, limit)
        return _page(rows)[::-1]


def _memberships(rows: Sequence[Any], users: int) -> list[Memberships]:
    """Return the memberships of each of so many users, from rows that begin with the user's number, from 1."""
    found: list[dict[UUID, Membership]] = [{} for _ in range(users)]
    inbox_heads = [0] * users
    for n, _, inbox_head, log, head, generation, joined, visible_from, inbox_seq, read in rows:
        inbox_heads[n - 1] = inbox_head or 0
        if log is not None:
            found[n - 1][log] = Membership(log, Head(head, generation), joined, visible_from, inbox_seq, read)
    return [Memberships(rows[0][1], *pair) for pair in zip(inbox_heads, found, strict=True)]


def _page(rows: Sequence[Any]) -> list[Event]:
    """Return the events of the first rows that fit into a page, but at least one."""
    events: list[Event] = []
    size = 0
    for row in rows:
        size += count_bytes(row["text"] or row["data"] or "") + OVERHEAD_BYTES
        if events and size > limits.PAGE_BYTES:
            break
        events.append(from_row(row))
    return events


def count_bytes(text: str) -> int:
    """Return how many bytes of UTF-8 *text* is."""
    return len(text) if text.isascii() else len(text.encode())
