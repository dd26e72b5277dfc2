"""What comes out of a client: events of a log, acknowledgements, and how its sockets fare."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a log. *conversation* is None for the user's own inbox. *fields* are the event's, as they came."""

    conversation: str | None
    seq: int
    type: str
    fields: Mapping[str, Any]

    @property
    def sender(self) -> str:
        return str(self.fields.get("sender", ""))

    @property
    def id(self) -> str:
        return str(self.fields.get("id", ""))

    @property
    def at(self) -> str:
        """When it was committed, RFC 3339. For people: order is by seq alone."""
        return str(self.fields.get("at", ""))

    @property
    def text(self) -> str:
        """What was typed; empty for an event that is not a message."""
        return str(self.fields.get("text", ""))


@dataclass(frozen=True, slots=True)
class Ack:
    """A send is committed. *duplicate*: it already was, by an earlier try. *attempts*: how often it went out, from 1."""

    conversation: str
    id: str
    seq: int
    at: str
    duplicate: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class State:
    """A socket came up, or is away; then *reason* says why, and the client is coming back. *service*: read or write."""

    service: str
    is_up: bool
    reason: str = ""
