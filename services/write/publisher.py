"""Publish what was committed: after the commit, off the path of the acknowledgement, one publication a log and batch.

A publication is a wake-up, not the truth: when Redis is away, or slower than the commits, it is dropped and counted, and the
read side finds the events in Postgres.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog

from services.write.committer import Stored
from shared import frames
from shared.bus.client import Bus, Publication
from shared.bus.payload import Payload, cache_key, channel_name, pack
from shared.errors import Unavailable
from shared.storage import events as shapes
from shared.storage.append import NewEvent, Outcome
from shared.storage.conversations import Appended, Change

log = structlog.get_logger("ringpost.write")
FRAME_BYTES = 256 * 1024
BACKLOG_BYTES = 16 * 1024 * 1024
PAUSE_S = 0.2


class Publisher:
    """A bounded backlog of publications, and the loop that sends them in pipelines."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self._bus, self._prefix = bus, prefix
        self._backlog: deque[Publication] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._is_stopping = False
        self.published = self.dropped = 0

    def publish_events(self, stored: Stored) -> None:
        """Publish a batch of stored events, each log's in one frame or a few."""
        for log_id, epoch, generation, events in group(stored):
            for part in split(events):
                frame = frames.events_frame(log_id, part)
                self._put(log_id, Payload(epoch, generation, part[0]["seq"], part[-1]["seq"], frame))

    def publish_change(self, change: Change) -> None:
        """Publish a stored change: the conversation's event, and each inbox's."""
        for appended in change.appended:
            is_inbox = appended.inbox_of is not None
            frame = frames.events_frame(None if is_inbox else appended.log, [appended.event])
            seq, generation = appended.event["seq"], 0 if is_inbox else change.outcome.generation
            self._put(appended.log, Payload(change.outcome.epoch, generation, seq, seq, frame, _gone(appended)))

    def _put(self, log_id: UUID, payload: Payload) -> None:
        data = pack(payload)
        if self._bytes + len(data) > BACKLOG_BYTES:
            self.dropped += 1
            return
        key = cache_key(self._prefix, log_id, payload.epoch, payload.generation)
        self._backlog.append(Publication(channel_name(self._prefix, log_id), key, payload.first, data))
        self._bytes += len(data)
        self._filled.set()

    async def run(self) -> None:
        """Publish until `stop`, then what is left, once."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            batch, self._backlog, self._bytes = list(self._backlog), deque(), 0
            if batch:
                await self._send(batch)
            if self._is_stopping and not self._backlog:
                return

    def stop(self) -> None:
        self._is_stopping = True
        self._filled.set()

    async def _send(self, batch: Sequence[Publication]) -> None:
        try:
            await self._bus.publish(batch)
        except Unavailable as error:
            self.dropped += len(batch)
            log.warning("publications dropped; the read side finds their events", n=len(batch), error=str(error))
            if not self._is_stopping:
                await asyncio.sleep(PAUSE_S)
        else:
            self.published += len(batch)


def _gone(appended: Appended) -> str | None:
    if appended.inbox_of is not None or appended.event["type"] not in shapes.PUTS_OUT:
        return None
    return str(appended.event["user"])


def group(stored: Stored) -> Iterable[tuple[UUID, UUID, int, list[dict[str, Any]]]]:
    """Return (log, epoch, generation after them, events ascending) of each log in a batch."""
    logs: dict[UUID, tuple[list[dict[str, Any]], Outcome]] = {}
    for event, outcome in stored:
        events = logs[event.conversation][0] if event.conversation in logs else []
        logs[event.conversation] = events, outcome
        if event.type == "deleted":
            erase(events, event.target)
        events.append(_shape(event, outcome))
    for log_id, (events, last) in logs.items():
        yield log_id, last.epoch, last.generation, events


def erase(events: Sequence[dict[str, Any]], target: int | None) -> None:
    """Take the text of a message that was deleted in the same batch, and of its edits, out of what is published."""
    for event in events:
        if (event["seq"] == target or event.get("target") == target) and event.pop("text", None) is not None:
            event["erased"] = True


def _shape(event: NewEvent, outcome: Outcome) -> dict[str, Any]:
    sender, id, at, messages = event.sender, event.id, outcome.at, outcome.messages
    if event.type == "message":
        return shapes.message(outcome.seq, sender, id, at, messages, event.text, event.target)
    common = {"seq": outcome.seq, "type": event.type, "sender": sender, "id": id, "at": at, "messages": messages}
    assert event.target is not None
    return common | shapes.about(event.type, event.target, event.text)


def split(events: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    """Cut *events* into runs whose frames stay of a size that a client can take at once."""
    start, size = 0, 0
    for n, event in enumerate(events):
        own = 300 + 2 * len(event.get("text", ""))
        if n > start and size + own > FRAME_BYTES:
            yield events[start:n]
            start, size = n, 0
        size += own
    yield events[start:]
