"""How far members have come: read and delivered marks, and what is unread. Marks go upwards only."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.limits import RECEIPT_MEMBERS
from shared.storage.connection import Connections

REMEMBERED_EVENTS = 1_000
# Beside members m and conversations c: b.base, the seq after which messages are unread; k, how many own ones are known,
# and up to where; w, all of them after base, and how many events were not known. Own messages are found by their sender;
# but one by one where there are few events to look through, or fewer than a member has messages.
COUNTED = """
CROSS JOIN LATERAL (SELECT greatest(m.read_seq, m.joined_seq) AS base) b
CROSS JOIN LATERAL (
    SELECT CASE WHEN is_known THEN m.own_messages ELSE 0 END AS own, CASE WHEN is_known THEN m.own_upto ELSE b.base END AS upto
    FROM (SELECT m.own_from = b.base AND m.own_upto > b.base AS is_known) i
) k
CROSS JOIN LATERAL (
    SELECT c.head - k.upto AS unknown, k.own + CASE WHEN c.head - k.upto < greatest(k.own, 500) THEN (
        SELECT count(*) FILTER (WHERE p.sender = m.user_id AND p.type = 'message')
        FROM (SELECT o.sender, o.type FROM events o WHERE o.conversation_id = c.conversation_id AND o.seq > k.upto OFFSET 0) p
    ) ELSE (
        SELECT count(*) FROM events o
        WHERE o.conversation_id = c.conversation_id AND o.sender = m.user_id AND o.type = 'message' AND o.seq > k.upto
    ) END AS own
) w
"""
UNREAD = """
       c.messages - w.own - coalesce((
           SELECT r.messages FROM events r WHERE r.conversation_id = c.conversation_id AND r.seq = b.base), 0) AS unread
"""
REMEMBER = f"""
UPDATE members t SET own_from = n.base, own_upto = n.head, own_messages = n.own
FROM (
    SELECT m.conversation_id, b.base, c.head, w.own FROM members m JOIN conversations c USING (conversation_id) {COUNTED}
    WHERE m.user_id = $1 AND m.conversation_id = ANY ($2::uuid[])
) n
WHERE t.user_id = $1 AND t.conversation_id = n.conversation_id
"""  # noqa: S608  # constants
_MOVE = """
UPDATE members m SET
    read_seq = greatest(m.read_seq, i.read),
    delivered_seq = greatest(m.delivered_seq, m.read_seq, i.read, i.delivered)
FROM (
    SELECT c.conversation_id, g.user_id,
           CASE WHEN g.read <= c.head THEN g.read ELSE 0 END AS read,
           CASE WHEN g.delivered <= c.head THEN g.delivered ELSE 0 END AS delivered
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[]) AS g (conversation_id, user_id, read, delivered)
    JOIN conversations c USING (conversation_id)
) i
WHERE m.conversation_id = i.conversation_id AND m.user_id = i.user_id
  AND (i.read > m.read_seq OR i.delivered > greatest(m.delivered_seq, m.read_seq))
RETURNING m.conversation_id, m.user_id, i.read > 0 AND m.read_seq = i.read AS is_read
"""
_STATE = f"""
SELECT c.conversation_id, m.user_id, m.read_seq, greatest(m.delivered_seq, m.read_seq) AS delivered, c.head, {UNREAD},
       (SELECT count(*) FROM (SELECT FROM members o WHERE o.conversation_id = c.conversation_id LIMIT {RECEIPT_MEMBERS + 1}) n)
           <= {RECEIPT_MEMBERS} AS is_small
FROM unnest($1::uuid[], $2::text[]) AS i (conversation_id, user_id)
JOIN members m USING (conversation_id, user_id) JOIN conversations c USING (conversation_id) {COUNTED}
"""  # noqa: S608  # constants
_RECEIPTS = """
SELECT h.epoch, c.head, s.*
FROM history_epoch h, members me JOIN conversations c USING (conversation_id)
CROSS JOIN LATERAL (SELECT least(coalesce($3, c.head), c.head) AS seq) w
CROSS JOIN LATERAL (
    SELECT w.seq, count(*) AS of, count(*) FILTER (WHERE greatest(o.delivered_seq, o.read_seq) >= w.seq) AS delivered,
           count(*) FILTER (WHERE o.read_seq >= w.seq) AS read
    FROM members o WHERE o.conversation_id = $2
) s
WHERE me.user_id = $1 AND me.conversation_id = $2
"""
_EACH = """
SELECT user_id AS "user", read_seq AS read, greatest(delivered_seq, read_seq) AS delivered
FROM members WHERE conversation_id = $1 ORDER BY user_id LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a member has come, or says to have: read up to one seq, got up to another; 0 says nothing."""

    read: int = 0
    delivered: int = 0

    def __or__(self, other: "Mark") -> "Mark":
        return Mark(max(self.read, other.read), max(self.delivered, other.delivered))


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a member's marks are now. *unread* is as of *head*.

    *is_read*: the read mark moved, and not the delivered one alone. *is_small*: the members see each other's marks.
    """

    conversation: UUID
    user: str
    read: int
    delivered: int
    head: int
    unread: int
    is_small: bool
    is_read: bool = False


Key = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class Receipts:
    """Of *of* members so many have got and read a conversation up to *seq*. *members*: where each is, in a small one."""

    epoch: UUID
    head: int
    seq: int
    of: int
    delivered: int
    read: int
    members: list[dict[str, Any]] | None


class Markers:
    """The marks of all members."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def move(self, marks: Mapping[Key, Mark]) -> list[Marker]:
        """Move marks; return those that moved. Who is no member, and what is beyond the head, is left out."""
        keys = sorted(marks)  # gateways that move the same ones take the rows' locks in one order
        conversations, users = [c for c, _ in keys], [u for _, u in keys]
        reads, delivered = [marks[key].read for key in keys], [marks[key].delivered for key in keys]
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_MOVE, conversations, users, reads, delivered)
            moved: dict[Key, bool] = {(row[0], row[1]): row[2] for row in rows}
            if not moved:
                return []
            states = await connection.fetch(_STATE, [c for c, _ in moved], [u for _, u in moved])
        return [replace(Marker(*row), is_read=moved[row[0], row[1]]) for row in states]

    async def of(self, user: str, conversation: UUID) -> Marker | None:
        """Return where the user's marks are; None if they are no member."""
        async with self._connections.connection() as connection:
            row = await connection.fetchrow(_STATE, [conversation], [user])
        return Marker(*row) if row is not None else None

    async def receipts(self, user: str, conversation: UUID, seq: int | None) -> Receipts | None:
        """Return how far the members have come, as counts at *seq* (None, or beyond it: the head); None if *user* is none."""
        async with self._connections.connection() as connection, connection.transaction(isolation="repeatable_read"):
            row = await connection.fetchrow(_RECEIPTS, user, conversation, seq)
            if row is None:
                return None
            each = await connection.fetch(_EACH, conversation, RECEIPT_MEMBERS) if row["of"] <= RECEIPT_MEMBERS else None
        members = None if each is None else [dict(member) for member in each]
        return Receipts(row["epoch"], row["head"], row["seq"], row["of"], row["delivered"], row["read"], members)
