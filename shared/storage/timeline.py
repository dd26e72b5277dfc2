"""A conversation as it now is: messages with their latest text and their reactions, and who came and went; its members.

Each page is one statement, so that it is of one moment: all that happened up to its head is in it, and nothing after that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from shared import limits
from shared.storage.connection import Connections
from shared.storage.events import ABOUT_A_MESSAGE, from_row
from shared.storage.history import OVERHEAD_BYTES, count_bytes

_PAGE = """
WITH mine AS (
    SELECT h.epoch, c.head, m.visible_from
    FROM history_epoch h, members m JOIN conversations c USING (conversation_id)
    WHERE m.user_id = $1 AND m.conversation_id = $2
), page AS (
    SELECT e.seq, e.sender, e.id, e.type, e.text, e.target, e.data, e.messages, e.at
    FROM mine JOIN events e ON e.seq >= mine.visible_from
    WHERE e.conversation_id = $2 AND e.seq {comparison} $3 AND e.type <> ALL ($5::text[])
    ORDER BY e.seq {direction} LIMIT $4
)
SELECT mine.epoch, mine.head, p.*, l.seq AS edited_seq, l.at AS edited_at, l.text AS edited_text, r.reactions
FROM mine
LEFT JOIN page p ON true
LEFT JOIN LATERAL (
    SELECT e.seq, e.at, e.text FROM events e
    WHERE e.conversation_id = $2 AND e.target = p.seq AND e.type = 'edited' ORDER BY e.seq DESC LIMIT 1
) l ON p.type = 'message' AND p.text IS NOT NULL
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('emoji', g.emoji, 'count', g.count, 'mine', g.mine) ORDER BY g.since) AS reactions
    FROM (
        SELECT x.emoji, count(*) AS count, bool_or(x.user_id = $1) AS mine, min(x.since) AS since
        FROM reactions x WHERE x.conversation_id = $2 AND x.seq = p.seq GROUP BY x.emoji
    ) g
) r ON p.type = 'message'
ORDER BY p.seq {direction}
"""
_BEFORE = _PAGE.format(comparison="<", direction="DESC")
_AFTER = _PAGE.format(comparison=">", direction="ASC")
_MEMBERS = """
SELECT h.epoch, c.head, o.user_id, o.role, o.joined_seq, u.name, u.picture
FROM history_epoch h, members m JOIN conversations c USING (conversation_id)
LEFT JOIN LATERAL (
    SELECT o.user_id, o.role, o.joined_seq FROM members o
    WHERE o.conversation_id = $2 AND o.user_id > $3 ORDER BY o.user_id LIMIT $4
) o ON true
LEFT JOIN users u ON u.user_id = o.user_id
WHERE m.user_id = $1 AND m.conversation_id = $2
ORDER BY o.user_id
"""
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


@dataclass(frozen=True, slots=True)
class Page:
    """*items* ascending, as of the seq *head*. *is_complete*: there is nothing further in the direction that was asked for."""

    epoch: UUID
    head: int
    items: list[dict[str, Any]]
    is_complete: bool


class Timeline:
    """Conversations as they now are, for their members alone."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def before(self, user: str, conversation: UUID, seq: int, limit: int) -> Page | None:
        """Return the last items below *seq*; None if *user* is no member."""
        page = _page(await self._fetch(_BEFORE, user, conversation, seq, limit, ABOUT_A_MESSAGE), limit)
        if page is not None:
            page.items.reverse()
        return page

    async def after(self, user: str, conversation: UUID, seq: int, limit: int) -> Page | None:
        """Return the first items above *seq*; None if *user* is no member."""
        return _page(await self._fetch(_AFTER, user, conversation, seq, limit, ABOUT_A_MESSAGE), limit)

    async def members(self, user: str, conversation: UUID, after: str, limit: int) -> Page | None:
        """Return the members whose ids come after *after*, by id; None if *user* is none."""
        rows = await self._fetch(_MEMBERS, user, conversation, after, limit)
        if not rows:
            return None
        names = ("user", "role", "joined", "name", "picture")
        items = [dict(zip(names, tuple(row)[2:], strict=True)) for row in rows if row[2] is not None]
        return Page(rows[0][0], rows[0][1], items, len(items) < limit)

    async def _fetch(self, query: str, *arguments: object) -> Sequence[Any]:
        async with self._connections.connection() as connection:
            rows: Sequence[Any] = await connection.fetch(query, *arguments)
        return rows


def _page(rows: Sequence[Any], limit: int) -> Page | None:
    """Return the items of the first rows that fit into a page, but at least one."""
    if not rows:
        return None
    items: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if row["seq"] is None:
            break
        size += count_bytes(row["edited_text"] or row["text"] or row["data"] or "") + OVERHEAD_BYTES
        if items and size > limits.PAGE_BYTES:
            return Page(rows[0]["epoch"], rows[0]["head"], items, False)
        items.append(_item(row))
    return Page(rows[0]["epoch"], rows[0]["head"], items, len(items) < limit)


def _item(row: Any) -> dict[str, Any]:
    item = from_row(row)
    if row["edited_seq"] is not None:
        item["text"] = row["edited_text"]
        item["edited"] = {"seq": row["edited_seq"], "at": row["edited_at"]}
    if row["reactions"] is not None:
        item["reactions"] = _decode(row["reactions"])
    return item
