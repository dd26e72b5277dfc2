"""What the senders did and heard, and what the readers were shown: what the invariants are judged by.

Of every send A, one that was acknowledged is in K, one that was finally refused in F, any other in U: what became of it is not
known. What is stored is S.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Ack:
    """An acknowledgement, when it came. Times are seconds of one clock that never goes back."""

    seq: int
    at: float


@dataclass(slots=True, eq=False)
class Send:
    """One send and all that was heard of it, by whichever try.

    *is_pipelined*: its sender does not wait, and relies on the order of its pipelined sends in a conversation. *is_bad*: the
    service has to refuse it. *tries*: how often it went out.
    """

    conversation: str
    sender: str
    id: str
    text: str
    began: float
    is_pipelined: bool = False
    is_bad: bool = False
    tries: int = 0
    acks: list[Ack] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    is_given_up: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether its sender knows what became of it."""
        return bool(self.acks or self.refusals)

    @property
    def is_in_flight(self) -> bool:
        return not (self.is_settled or self.is_given_up)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a log, as the history or a reader has it. What is no message has no text."""

    seq: int
    type: str
    sender: str
    id: str
    text: str

    @classmethod
    def from_fields(cls, event: Mapping[str, Any]) -> "Entry":
        """Return the entry that an event of the protocol is."""
        return cls(event["seq"], event["type"], event["sender"], event["id"], event.get("text", ""))


@dataclass(slots=True)
class Record:
    """All sends, in the order in which they began; by reader and conversation what was shown, the last at *shown_at*."""

    sends: list[Send] = field(default_factory=list)
    seen: dict[str, dict[str, list[Entry]]] = field(default_factory=dict)
    shown_at: float = 0.0

    @property
    def acknowledged(self) -> int:
        """How many sends are in K."""
        return sum(bool(send.acks) for send in self.sends)

    @property
    def in_flight(self) -> int:
        """How many sends wait for an answer now."""
        return sum(send.is_in_flight for send in self.sends)

    def begin(self, send: Send) -> Send:
        """Note a send, before it goes out."""
        self.sends.append(send)
        return send

    def show(self, reader: str, conversation: str, entry: Entry, at: float) -> None:
        """Note that *reader* was shown an entry."""
        self.shown_at = at
        self.seen.setdefault(reader, {}).setdefault(conversation, []).append(entry)
