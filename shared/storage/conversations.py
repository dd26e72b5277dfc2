"""Create conversations and change them: the conversation's log, its members and their inboxes in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec

from shared.storage.append import Outcome, Status
from shared.storage.connection import Connections

_START = "SELECT * FROM start_conversation($1, $2, $3, $4, $5, $6, $7, $8, $9::text[], $10::text[], $11::uuid[], $12)"
_CHANGE = "SELECT * FROM change_conversation($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_CONVERSATIONS = UUID("8f6e0b1e-7a52-4a0c-9a57-9f4f0a1d2c10")
_INBOXES = UUID("8f6e0b1e-7a52-4a0c-9a57-9f4f0a1d2c11")
_DIRECTS = UUID("8f6e0b1e-7a52-4a0c-9a57-9f4f0a1d2c12")
_decode_list = msgspec.json.Decoder(list[dict[str, Any]]).decode
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


def conversation_id(creator: str, request: UUID) -> UUID:
    """Return the id of the conversation that *creator* asks for with the id *request*."""
    return uuid5(_CONVERSATIONS, f"{request}/{creator}")


def direct_id(user: str, other: str) -> UUID:
    """Return the id of the direct conversation of two users, whoever asks for it."""
    first, second = sorted((user, other))
    return uuid5(_DIRECTS, f"{len(first)}/{first}/{second}")


def inbox_id(user: str) -> UUID:
    """Return the id of the user's inbox, which is a log as conversations are."""
    return uuid5(_INBOXES, user)


def digest(*parts: str) -> bytes:
    """Return 16 bytes that tell whether two bodies are the same."""
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class NewConversation:
    """*members* maps user to role. A direct one is the same whichever of its two asks for it, and with whichever request."""

    creator: str
    request: UUID
    members: Mapping[str, str]
    title: str | None = None
    topic: str | None = None
    history: str = "all"
    access: str = "invited"
    is_direct: bool = False

    @property
    def kind(self) -> str:
        return "direct" if self.is_direct else "group"

    @property
    def id(self) -> UUID:
        return direct_id(*self.members) if self.is_direct else conversation_id(self.creator, self.request)

    @property
    def digest(self) -> bytes:
        members = sorted(f"{user}\n{role}" for user, role in self.members.items())
        return digest(self.kind, self.title or "", self.topic or "", self.history, self.access, *members)


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change of who is in a conversation, or of what it is called.

    *type* is the event's: joined, invited, left, removed, role_changed, all of *user*; renamed, topic_changed with *text*.
    """

    conversation: UUID
    sender: str
    request: UUID
    type: str
    user: str | None = None
    role: str | None = None
    text: str | None = None

    @property
    def digest(self) -> bytes:
        return digest(self.type, self.user or "", self.role or "", "" if self.text is None else f"={self.text}")


@dataclass(frozen=True, slots=True)
class Appended:
    """One event of a log, as it is to be published. *inbox_of* is whose inbox the log is, if it is one."""

    log: UUID
    event: Mapping[str, Any]
    inbox_of: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The outcome of a change, and the events to publish: the conversation's and each inbox's."""

    conversation: UUID
    outcome: Outcome
    appended: Sequence[Appended] = ()


class Conversations:
    """The state of conversations, changed. Each call may be made again with the same request after Unavailable."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def create(self, new: NewConversation) -> Change:
        """Create a conversation, or find the one that the same request made before.

        Raises:
            Unavailable: the outcome is unknown.
        """
        users, roles = list(new.members), list(new.members.values())
        about = (new.title, new.topic, new.history, new.access)
        lists = (users, roles, [*map(inbox_id, users)])
        async with self._connections.connection() as connection:
            row = await connection.fetchrow(_START, new.id, new.kind, new.creator, new.request, *about, *lists, new.digest)
        fields = {
            "kind": new.kind,
            "title": new.title,
            "topic": new.topic,
            "history": new.history,
            "access": new.access,
            "members": [{"user": user, "role": role} for user, role in new.members.items()],
        }
        return _change(row, new.id, Common("created", new.creator, new.request), "joined", fields)

    async def change(self, new: NewChange) -> Change:
        """Make a change, or find that the same request did before.

        Raises:
            Unavailable: the outcome is unknown.
        """
        inbox = inbox_id(new.user) if new.user is not None else None
        about = (new.type, new.user, new.role, new.text, inbox)
        async with self._connections.connection() as connection:
            row = await connection.fetchrow(_CHANGE, new.conversation, new.sender, new.request, *about, new.digest)
        fields = _decode_fields(row["data"] or "{}")
        return _change(row, new.conversation, Common(new.type, new.sender, new.request), new.type, fields)


@dataclass(frozen=True, slots=True)
class Common:
    """What the events of one change have in common."""

    type: str
    sender: str
    request: UUID


def _change(row: asyncpg.Record, conversation: UUID, common: Common, told: str, fields: Mapping[str, Any]) -> Change:
    outcome = Outcome(Status(row["status"]), row["seq"], row["at"], row["messages"], row["generation"], row["epoch"])
    if outcome.status is not Status.STORED:
        return Change(conversation, outcome)

    about = {"sender": common.sender, "at": outcome.at}
    event = {"seq": outcome.seq, "type": common.type, "id": common.request, "messages": outcome.messages} | about | dict(fields)
    appended = [Appended(conversation, event)]
    for written in _decode_list(row["inboxes"] or "[]"):
        entry = {"seq": written["seq"], "type": told, "id": written["id"], "messages": 0} | about
        entry |= {"conversation": conversation} | written["data"]
        appended.append(Appended(UUID(written["inbox"]), entry, written["user_id"]))
    return Change(conversation, outcome, appended)
