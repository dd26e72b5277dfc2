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
        """What was typed; empty for an event that has no text, and where it was erased."""
        return str(self.fields.get("text", ""))

    @property
    def target(self) -> int | None:
        """The seq of the message that this is about."""
        return self.fields.get("target")

    @property
    def reply_to(self) -> int | None:
        """The seq of the message that this one answers."""
        return self.fields.get("reply_to")

    @property
    def is_erased(self) -> bool:
        """Whether its text was erased, since the message was deleted."""
        return bool(self.fields.get("erased"))

    def without_text_of(self, deleted: "Event") -> "Event":
        """Return this event as it is once *deleted* has happened: without its text if it is of the message that was deleted."""
        is_of_it = (self.type == "message" and self.seq == deleted.target) or (
            self.type == "edited" and self.target == deleted.target
        )
        if not is_of_it or self.conversation != deleted.conversation:
            return self
        kept = {name: value for name, value in self.fields.items() if name != "text"}
        return Event(self.conversation, self.seq, self.type, kept | {"erased": True})


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
    """A socket (*service*: read or write) came up, or is away: then the client is coming back, unless that *is_final*.

    Of `storage`: what is said is on the disk before it goes out, or is not any more.
    """

    service: str
    is_up: bool
    reason: str = ""
    gateway: str = ""
    is_final: bool = False
