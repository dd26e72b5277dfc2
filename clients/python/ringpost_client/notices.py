"""What passes by: it is of the moment, nobody stores it, and the next one says more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Typing:
    """*user* types, for five seconds from now if nothing more comes."""

    conversation: str
    user: str


@dataclass(frozen=True, slots=True)
class Online:
    """Whether a user is there, and since when (RFC 3339)."""

    is_online: bool
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """What is known now of users who are watched."""

    users: Mapping[str, Online]


@dataclass(frozen=True, slots=True)
class ReadMarker:
    """I have read up to *seq*, on whichever device; *unread* messages are after it, as of *head*."""

    conversation: str
    seq: int
    head: int
    unread: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A member has read, and has got, everything up to these seqs."""

    read: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Receipts:
    """How far these members of a conversation have come now."""

    conversation: str
    members: Mapping[str, Receipt]


Notice = Typing | Presence | ReadMarker | Receipts
NOTICES = ("typing", "presence", "read", "receipts")


def make_notice(frame: Mapping[str, Any]) -> Notice:
    """Return what a frame of docs/protocol.md tells."""
    match frame["type"]:
        case "typing":
            return Typing(frame["conversation"], frame["user"])
        case "presence":
            users = frame["users"].items()
            return Presence({user: Online(bool(is_so["online"]), is_so.get("since")) for user, is_so in users})
        case "read":
            return ReadMarker(frame["conversation"], frame["seq"], frame["head"], frame["unread"])
        case "receipts":
            members = frame["members"].items()
            return Receipts(frame["conversation"], {user: Receipt(at["read"], at["delivered"]) for user, at in members})
    raise ValueError(f"no notice: {frame['type']}")
