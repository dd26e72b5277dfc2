"""The frames of the sockets (`docs/protocol.md`), decoded strictly and encoded once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from shared.errors import RingpostError
from shared.limits import CURSOR_FIRST, CURSOR_POSITIONS, SEQ_MAX, USER_BYTES, WATCHED_USERS
from shared.web import patterns

Seq = Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)]
Target = Annotated[int, msgspec.Meta(ge=1, le=SEQ_MAX)]
Positions = Annotated[dict[UUID, Seq], msgspec.Meta(max_length=CURSOR_POSITIONS)]
First = Annotated[list[UUID], msgspec.Meta(max_length=CURSOR_FIRST)]
# In Python alone a `$` would let a line end through.
User = Annotated[str, msgspec.Meta(min_length=1, max_length=USER_BYTES, pattern=f"{patterns.NAME}(?!\n)")]
Users = Annotated[list[User], msgspec.Meta(max_length=WATCHED_USERS)]


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello"):
    """The first frame: who I am, and what I have."""

    token: str
    epoch: UUID | None = None
    inbox: Seq = 0
    positions: Positions = {}
    first: First = []


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="token"):
    token: str


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ping"):
    pass


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to become an event of a conversation. *again*: the first one that was put off comes again."""

    conversation: UUID
    id: UUID
    again: bool = False


class Send(_Change, frozen=True, tag="send"):
    text: str
    reply_to: Target | None = None


class Edit(_Change, frozen=True, tag="edit"):
    seq: Target
    text: str


class Delete(_Change, frozen=True, tag="delete"):
    seq: Target


class React(_Change, frozen=True, tag="react"):
    seq: Target
    emoji: str


class Unreact(_Change, frozen=True, tag="unreact"):
    seq: Target
    emoji: str


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="read"):
    conversation: UUID
    seq: Target


class Delivered(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="delivered"):
    conversation: UUID
    seq: Target


class Typing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="typing"):
    conversation: UUID


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="watch"):
    """Whose presence is to be told; it takes the place of the list before."""

    users: Users


Change = Send | Edit | Delete | React | Unreact
Frame = Hello | Token | Ping | Send | Edit | Delete | React | Unreact | Read | Delivered | Typing | Watch

_AT = b'"at":"'
decode = msgspec.json.Decoder(Frame).decode
encode = msgspec.json.Encoder(order=None).encode


def error_frame(error: RingpostError, **about: Any) -> bytes:
    """Return the error frame for *error*; *about* names the send (`conversation`, `id`) that it is about, or says more."""
    frame: dict[str, Any] = {"type": "error", "code": error.code, "detail": str(error), "retryable": error.retryable}
    if error.retry_after_s is not None:
        frame["retry_after"] = error.retry_after_s
    return encode(frame | about)


def events_frame(conversation: UUID | None, events: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the frame with *events*, ascending and without a hole: of the conversation, or (None) of the user's inbox."""
    about = {"type": "inbox"} if conversation is None else {"type": "events", "conversation": conversation}
    return encode(about | {"from": events[0]["seq"], "to": events[-1]["seq"], "events": events})


def time_of_first(frame: bytes) -> float | None:
    """Return when (unix) the first event of a frame of events was stored; None if the frame does not say.

    Quotes within strings are escaped, so what is found is a key; nothing else of the frame is read.
    """
    start = frame.find(_AT) + len(_AT)
    end = frame.find(b'"', start)
    if start < len(_AT) or end < 0:
        return None
    try:
        return datetime.fromisoformat(frame[start:end].decode("ascii")).timestamp()
    except ValueError:
        return None


def wire(payload: bytes) -> bytes:
    """Return *payload* as one unfragmented, unmasked text frame (RFC 6455 5.2), ready for every transport."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def moment(unix_s: float) -> str:
    """Return *unix_s* as RFC 3339 in UTC."""
    return datetime.fromtimestamp(min(unix_s, 253402300799), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
