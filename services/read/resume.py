"""Where a client goes on: from what it says it has, and what is there, to the ranges that will come. A pure core."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.storage.history import Membership, Memberships


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a client has: a position is the highest seq up to which it has everything, and counts under its epoch only.

    *first* are the conversations that it wants before all others: those on its screen.
    """

    epoch: UUID | None = None
    inbox: int = 0
    positions: Mapping[UUID, int] = field(default_factory=dict)
    first: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """From where one log goes on: events after *position* will come. *complete*: nothing before that is left out."""

    conversation: UUID
    position: int
    head: int
    complete: bool

    def range(self) -> dict[str, object]:
        """Return the range as the welcome names it."""
        return {"conversation": self.conversation, "from": self.position + 1, "to": self.head, "complete": self.complete}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a client goes on. *lost* are positions that count no longer; *inbox* is from where its inbox goes on.

    The first *urgent* of the *starts* are those that the client wants first.
    """

    inbox: int
    inbox_lost: bool
    starts: tuple[Start, ...]
    lost: tuple[UUID, ...]
    urgent: int = 0


def plan(cursor: Cursor, memberships: Memberships) -> Plan:
    """Return how a client with *cursor* goes on in the conversations that it is in now."""
    is_valid = cursor.epoch is None or cursor.epoch == memberships.epoch
    inbox_lost = cursor.inbox > memberships.inbox_head or not is_valid
    inbox = 0 if inbox_lost else cursor.inbox
    starts, lost = [], []
    urgent = [log for log in dict.fromkeys(cursor.first) if log in memberships.of]
    for membership in map(memberships.of.__getitem__, dict.fromkeys((*urgent, *memberships.of))):
        position = cursor.positions.get(membership.conversation)
        if position is not None and (not is_valid or position > membership.head.seq):
            lost.append(membership.conversation)
            position = 0
        starts.append(_start(membership, position, inbox))
    return Plan(inbox, inbox_lost, tuple(starts), tuple(lost), len(urgent))


def _start(membership: Membership, position: int | None, inbox: int) -> Start:
    """A conversation without a position: from joining, if the client has not heard of that yet; else from the head."""
    head = membership.head.seq
    if position is None:
        return Start(membership.conversation, membership.joined - 1 if membership.inbox_seq > inbox else head, head, True)
    first = max(position, membership.visible_from - 1)
    return Start(membership.conversation, first, head, first == position)


def behind(starts: Iterable[Start]) -> list[Start]:
    """Return those with events to catch up on."""
    return [start for start in starts if start.position < start.head]
