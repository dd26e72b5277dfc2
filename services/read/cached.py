"""What the recent payloads in Redis say of a log, each believed only if it is what it should be. A pure core."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from services.read.memory import Known, Version
from shared.bus.payload import unpack
from shared.errors import Invalid
from shared.storage.events import PUTS_OUT


class _Frame(msgspec.Struct):
    type: str
    events: list[msgspec.Raw]
    conversation: UUID | None = None


class _Event(msgspec.Struct):
    seq: int
    type: str
    user: str | None = None


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def read_run(log: UUID, version: Version, first: int, payloads: Sequence[bytes], *, is_inbox: bool) -> list[Known]:
    """Return the events from *first* on that *payloads* hold without a hole; what is foreign, stale or broken ends them."""
    events: list[Known] = []
    for data in payloads:
        found = _read(log, version, data, is_inbox=is_inbox)
        if found is None:
            break
        start, own = found
        skipped = first + len(events) - start
        if skipped < 0:
            break
        events += own[skipped:]
    return events


def _read(log: UUID, version: Version, data: bytes, *, is_inbox: bool) -> tuple[int, list[Known]] | None:
    try:
        payload = unpack(data)
        frame = _decode_frame(payload.frame)
        told = [(raw, _decode_event(raw)) for raw in frame.events]
    except (Invalid, msgspec.MsgspecError):
        return None
    is_ours = frame.conversation is None and frame.type == "inbox" if is_inbox else frame.conversation == log
    seqs = [event.seq for _, event in told]
    if not is_ours or (payload.epoch, payload.generation) != version or seqs != [*range(payload.first, payload.last + 1)]:
        return None
    return payload.first, [Known(bytes(raw), _gone(event, is_inbox=is_inbox)) for raw, event in told]


def _gone(event: _Event, *, is_inbox: bool) -> str | None:
    return event.user if event.type in PUTS_OUT and not is_inbox else None
