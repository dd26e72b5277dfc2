"""What the service answers when it is asked: conversations, members, pages of a log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringpost_client.events import Event
from ringpost_client.notices import Receipt


@dataclass(frozen=True, slots=True)
class Listed:
    """One of my conversations. *unread* messages are after my marker *read*, as of *head*; *joined*: the seq of my joining."""

    conversation: str
    kind: str
    title: str | None
    topic: str | None
    other: str | None
    role: str
    history: str
    access: str
    head: int
    messages: int
    joined: int
    read: int
    unread: int


@dataclass(frozen=True, slots=True)
class Member:
    """*name* and *picture* are the claims of their latest token; *joined*: the seq of their joining."""

    user: str
    role: str
    joined: int
    name: str | None
    picture: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, as of *head*. *is_complete*: there is nothing further in that direction."""

    events: tuple[Event, ...]
    head: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How many *of* the members have read, and have got, everything up to *seq*. *members*: None where there are many."""

    seq: int
    of: int
    read: int
    delivered: int
    members: Mapping[str, Receipt] | None


def make_listed(fields: Mapping[str, Any]) -> Listed:
    names = (
        "conversation",
        "kind",
        "title",
        "topic",
        "role",
        "history",
        "access",
        "head",
        "messages",
        "joined",
        "read",
        "unread",
    )
    return Listed(other=fields["with"], **{name: fields[name] for name in names})


def make_member(fields: Mapping[str, Any]) -> Member:
    return Member(**{name: fields[name] for name in ("user", "role", "joined", "name", "picture")})


def make_page(conversation: str, fields: Mapping[str, Any]) -> Page:
    """Return a page of a log, or of a history."""
    entries = fields["events"] if "events" in fields else fields["items"]
    events = tuple(Event(conversation, entry["seq"], entry["type"], entry) for entry in entries)
    return Page(events, fields["head"], fields["complete"])


def make_progress(fields: Mapping[str, Any]) -> Progress:
    members = fields["members"]
    each = None if members is None else {at["user"]: Receipt(at["read"], at["delivered"]) for at in members}
    return Progress(fields["seq"], fields["of"], fields["read"], fields["delivered"], each)
