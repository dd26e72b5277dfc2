"""What users are called, and who knows whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.storage.connection import Connections

_KEEP = """
INSERT INTO users AS u (user_id, name, picture) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, picture = excluded.picture
WHERE (u.name, u.picture) IS DISTINCT FROM (excluded.name, excluded.picture)
"""
_KNOWN = """
SELECT u FROM unnest($2::text[]) AS u
WHERE EXISTS (SELECT FROM members m JOIN members o USING (conversation_id) WHERE m.user_id = $1 AND o.user_id = u)
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """The claims of a token that others may see."""

    name: str | None
    picture: str | None


class Users:
    """The users that tokens told of."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def keep(self, profiles: Mapping[str, Profile]) -> None:
        """Store profiles; what did not change is not written."""
        users = sorted(profiles)
        names, pictures = [profiles[user].name for user in users], [profiles[user].picture for user in users]
        async with self._connections.connection() as connection:
            await connection.execute(_KEEP, users, names, pictures)

    async def known_to(self, user: str, others: Sequence[str]) -> list[str]:
        """Return those of *others* who share a conversation with *user*, in their order."""
        async with self._connections.connection() as connection:
            rows = await connection.fetch(_KNOWN, user, others)
        known = {row[0] for row in rows}
        return [other for other in others if other in known]
