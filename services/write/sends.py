"""From what a client sends to the event that is to be stored, and from what became of it to what the client hears."""

from datetime import datetime
from uuid import UUID

import msgspec

from services.write.queue import Result
from shared import frames
from shared.errors import Erased, Forbidden, IdReused, NotFound, RingpostError, TooManyReactions, Unchanged
from shared.storage.append import NewEvent, Status
from shared.storage.conversations import digest
from shared.text import check_emoji, check_text

_NO_MESSAGE = "There is no such message in this conversation."


class Ack(msgspec.Struct, omit_defaults=True, gc=False):
    """What a sender hears of a stored event; *duplicate* on sockets, *status* (of HTTP) in the answer to an array."""

    conversation: UUID
    id: UUID
    seq: int
    at: datetime
    duplicate: bool | None = None
    status: int | None = None


def make_event(change: frames.Change, sender: str) -> NewEvent:
    """Return the event that *change* is to become; raise Invalid or TooLarge for a text or an emoji that is none."""
    if isinstance(change, frames.Send):
        return _event(change, sender, "message", check_text(change.text), change.reply_to)
    if isinstance(change, frames.Edit):
        return _event(change, sender, "edited", check_text(change.text), change.seq)
    if isinstance(change, frames.Delete):
        return _event(change, sender, "deleted", None, change.seq)
    type = "reacted" if isinstance(change, frames.React) else "unreacted"
    return _event(change, sender, type, check_emoji(change.emoji), change.seq)


def as_error(result: Result) -> RingpostError | None:
    """Return the error that *result* means to a sender, if it means one."""
    if isinstance(result, RingpostError):
        return result
    if result.status is Status.STORED or result.status is Status.DUPLICATE:
        return None
    kind = _REFUSALS[result.status]
    return kind(_NO_MESSAGE) if result.status is Status.NO_MESSAGE else kind()


_REFUSALS: dict[Status, type[RingpostError]] = {
    Status.ID_REUSED: IdReused,
    Status.NOT_FOUND: NotFound,
    Status.FORBIDDEN: Forbidden,
    Status.NO_MESSAGE: NotFound,
    Status.ERASED: Erased,
    Status.UNCHANGED: Unchanged,
    Status.TOO_MANY: TooManyReactions,
}


def _event(change: frames.Change, sender: str, type: str, text: str | None, target: int | None) -> NewEvent:
    parts = (type, text or "") if target is None else (type, text or "", str(target))
    return NewEvent(change.conversation, sender, change.id, type, text, target, digest(*parts))
