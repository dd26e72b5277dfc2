"""Create conversations and add members: the conversation's log, the members and their inboxes in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec

from shared.storage.append import Outcome, Status
from shared.storage.connection import Connections

_CREATE = "SELECT * FROM create_conversation($1, $2, $3, $4, $5, $6::text[], $7::text[], $8::uuid[], $9)"
_ADD = "SELECT * FROM add_member($1, $2, $3, $4, $5, $6, $7)"
_CONVERSATIONS = UUID("8f6e0b1e-7a52-4a0c-9a57-9f4f0a1d2c10")
_INBOXES = UUID("8f6e0b1e-7a52-4a0c-9a57-9f4f0a1d2c11")
_decode_list = msgspec.json.Decoder(list[dict[str, Any]]).decode


def conversation_id(creator: str, request: UUID) -> UUID:
    """Return the id of the conversation that *creator* asks for with the id *request*."""
    return uuid5(_CONVERSATIONS, f"{request}/{creator}")


def inbox_id(user: str) -> UUID:
    """Return the id of the user's inbox, which is a log as conversations are."""
    return uuid5(_INBOXES, user)


def digest(*parts: str) -> bytes:
    """Return 16 bytes that tell whether two bodies are the same."""
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class NewConversation:
    """*members* maps user to role, the owner first."""

    creator: str
    request: UUID
    title: str | None
    history: str
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewMember:
    conversation: UUID
    sender: str
    request: UUID
    user: str
    role: str


@dataclass(frozen=True, slots=True)
class Appended:
    """One event of a log, as it is to be published."""

    log: UUID
    event: Mapping[str, Any]
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The outcome of a change, and the events to publish: the conversation's and each inbox's."""

    conversation: UUID
    outcome: Outcome
    appended: Sequence[Appended] = ()


class Conversations:
    """The state of conversations, changed."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def create(self, new: NewConversation) -> Change:
        """Create a conversation, or find the one that the same request made before.

        Raises:
            Unavailable: the outcome is unknown; the same request may be tried again.
        """
        id = conversation_id(new.creator, new.request)
        users, roles = list(new.members), list(new.members.values())
        body = digest("created", new.title or "", new.history, *(f"{u}\n{r}" for u, r in sorted(new.members.items())))
        async with self._connections.connection() as connection:
            row = await connection.fetchrow(
                _CREATE, id, new.creator, new.request, new.title, new.history, users, roles, [*map(inbox_id, users)], body
            )
        fields = {
            "title": new.title,
            "history": new.history,
            "members": [{"user": user, "role": role} for user, role in new.members.items()],
        }
        return _change(row, id, new.creator, new.request, "created", fields, new.members)

    async def add(self, new: NewMember) -> Change:
        """Add a member, or find that the same request did before.

        Raises:
            Unavailable: the outcome is unknown; the same request may be tried again.
        """
        body = digest("joined", new.user, new.role)
        async with self._connections.connection() as connection:
            row = await connection.fetchrow(
                _ADD, new.conversation, new.sender, new.request, new.user, new.role, inbox_id(new.user), body
            )
        fields = {"user": new.user, "role": new.role}
        return _change(row, new.conversation, new.sender, new.request, "joined", fields, {new.user: new.role})


def _change(
    row: asyncpg.Record,
    conversation: UUID,
    sender: str,
    request: UUID,
    type: str,
    fields: Mapping[str, Any],
    roles: Mapping[str, str],
) -> Change:
    outcome = Outcome(Status(row["status"]), row["seq"], row["at"], row["messages"], row["generation"], row["epoch"])
    if outcome.status is not Status.STORED:
        return Change(conversation, outcome)
    common = {"sender": sender, "id": request, "at": outcome.at}
    event = {"seq": outcome.seq, "type": type, **common, "messages": outcome.messages, **fields}
    told = [
        Appended(
            UUID(written["inbox"]),
            {"seq": written["seq"], "type": "joined", **common, "messages": 0, "conversation": conversation}
            | {"role": roles[written["user_id"]], "joined": outcome.seq},
            written["user_id"],
        )
        for written in _decode_list(row["inboxes"])
    ]
    return Change(conversation, outcome, [Appended(conversation, event), *told])
