"""What is published of a batch: each log's events, as the finished frames that readers get. A pure core."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from shared import frames
from shared.bus.payload import Payload
from shared.storage.append import NewEvent, Outcome
from shared.storage.conversations import Appended, Change
from shared.storage.events import PUTS_OUT

FRAME_BYTES = 256 * 1024
OVERHEAD_BYTES = 300

Stored = list[tuple[NewEvent, Outcome]]


class Event(msgspec.Struct, omit_defaults=True, gc=False):
    """An event about a message, in the shape that `shared.storage.events` gives those that are read; encoded faster."""

    seq: int
    type: str
    sender: str
    id: UUID
    at: datetime
    messages: int
    text: str | None = None
    erased: bool = False
    reply_to: int | None = None
    target: int | None = None
    emoji: str | None = None


class Frame(msgspec.Struct, rename={"first": "from"}, gc=False):
    """A frame with *events*, ascending and without a hole."""

    type: str
    conversation: UUID
    first: int
    to: int
    events: Sequence[Event]


def of_batch(stored: Stored) -> Iterable[tuple[UUID, Payload]]:
    """Yield (log, payload) for what a batch stored: each log's events in one payload, or a few."""
    for log, (events, last) in _by_log(stored).items():
        for part in split(events):
            frame = Frame("events", log, part[0].seq, part[-1].seq, part)
            yield log, Payload(last.epoch, last.generation, frame.first, frame.to, frames.encode(frame))


def of_change(change: Change) -> Iterable[tuple[UUID, Payload]]:
    """Yield (log, payload) for a stored change: the conversation's event, and each inbox's."""
    epoch, generation = change.outcome.epoch, change.outcome.generation
    for appended in change.appended:
        seq = appended.event["seq"]
        if appended.inbox_of is not None:
            yield appended.log, Payload(epoch, 0, seq, seq, frames.events_frame(None, [appended.event]))
        else:
            frame = frames.events_frame(appended.log, [appended.event])
            yield appended.log, Payload(epoch, generation, seq, seq, frame, _gone(appended))


def split(events: Sequence[Event]) -> Iterable[Sequence[Event]]:
    """Cut *events* into runs whose frames stay of a size that a client can take at once."""
    start, size = 0, 0
    for n, event in enumerate(events):
        own = OVERHEAD_BYTES + 2 * len(event.text or "")
        if n > start and size + own > FRAME_BYTES:
            yield events[start:n]
            start, size = n, 0
        size += own
    yield events[start:]


def _by_log(stored: Stored) -> dict[UUID, tuple[list[Event], Outcome]]:
    """Return each log's events, ascending, and the outcome of the last one."""
    logs: dict[UUID, tuple[list[Event], Outcome]] = {}
    for new, outcome in stored:
        known = logs.get(new.conversation)
        events = known[0] if known is not None else []
        if new.type == "deleted":
            _erase(events, new.target)
        events.append(_shape(new, outcome))
        logs[new.conversation] = events, outcome
    return logs


def _erase(events: Sequence[Event], target: int | None) -> None:
    """Take the text of a message that was deleted in the same batch, and of its edits, out of what is published."""
    for event in events:
        if (event.seq == target or event.target == target) and event.text is not None:
            event.text, event.erased = None, True


def _shape(new: NewEvent, outcome: Outcome) -> Event:
    event = Event(outcome.seq, new.type, new.sender, new.id, outcome.at, outcome.messages)
    if new.type == "message":
        event.text, event.reply_to = new.text, new.target
        return event
    event.target = new.target
    if new.type == "edited":
        event.text = new.text
    elif new.type != "deleted":
        event.emoji = new.text
    return event


def _gone(appended: Appended) -> str | None:
    return str(appended.event["user"]) if appended.event["type"] in PUTS_OUT else None
