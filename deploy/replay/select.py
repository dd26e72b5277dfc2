"""The checker's own look into the database. It shares no code with the system that it checks."""

from collections.abc import Sequence

import asyncpg

from deploy.replay.checker import Entry

TIMEOUT_S = 60.0
_SELECT = "SELECT seq, type, sender, id::text AS id, text FROM events WHERE conversation_id = $1::uuid ORDER BY seq"


async def select_entries(postgres_url: str, conversations: Sequence[str]) -> dict[str, list[Entry]] | None:
    """Return what the database has of *conversations*; None where it can't be reached."""
    try:
        connection = await asyncpg.connect(postgres_url, timeout=5.0, command_timeout=TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    try:
        return {
            conversation: [
                Entry(row["seq"], row["id"], row["sender"], row["text"] or "", row["type"] == "message")
                for row in await connection.fetch(_SELECT, conversation)
            ]
            for conversation in conversations
        }
    finally:
        await connection.close(timeout=5.0)
