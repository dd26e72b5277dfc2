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
from shared.bus.client import Bus
from shared.bus.payload import Payload, channel_name, pack
from shared.errors import Unavailable
from shared.storage.conversations import Change
from shared.storage.events import message as message_event

log = structlog.get_logger("ringpost.write")
FRAME_BYTES = 256 * 1024
BACKLOG_BYTES = 16 * 1024 * 1024
PAUSE_S = 0.2

Publication = tuple[str, bytes]


class Publisher:
    """A bounded backlog of publications, and the loop that sends them in pipelines."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self._bus, self._prefix = bus, prefix
        self._backlog: deque[Publication] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._is_stopping = False
        self.published = self.dropped = 0

    def publish_messages(self, stored: Stored) -> None:
        """Publish a batch of stored messages, each log's in one frame or a few."""
        for log_id, epoch, generation, events in group(stored):
            for part in split(events):
                frame = frames.events_frame(log_id, part)
                self._put(log_id, Payload(epoch, generation, part[0]["seq"], part[-1]["seq"], frame))

    def publish_change(self, change: Change) -> None:
        """Publish a stored change: the conversation's event, and each inbox's."""
        epoch, generation = change.outcome.epoch, change.outcome.generation
        for appended in change.appended:
            frame = frames.events_frame(None if appended.user is not None else appended.log, [appended.event])
            seq = appended.event["seq"]
            self._put(appended.log, Payload(epoch, generation if appended.user is None else 0, seq, seq, frame))

    def _put(self, log_id: UUID, payload: Payload) -> None:
        data = pack(payload)
        if self._bytes + len(data) > BACKLOG_BYTES:
            self.dropped += 1
            return
        self._backlog.append((channel_name(self._prefix, log_id), data))
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


def group(stored: Stored) -> Iterable[tuple[UUID, UUID, int, list[dict[str, Any]]]]:
    """Return (log, epoch, generation, events ascending) of each log in a batch."""
    logs: dict[UUID, tuple[UUID, int, list[dict[str, Any]]]] = {}
    for message, outcome in stored:
        events = logs.setdefault(message.conversation, (outcome.epoch, outcome.generation, []))[2]
        events.append(message_event(outcome.seq, message.sender, message.id, outcome.at, outcome.messages, message.text))
    for log_id, (epoch, generation, events) in logs.items():
        yield log_id, epoch, generation, events


def split(events: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    """Cut *events* into runs whose frames stay of a size that a client can take at once."""
    start, size = 0, 0
    for n, event in enumerate(events):
        own = 300 + 2 * len(event["text"])
        if n > start and size + own > FRAME_BYTES:
            yield events[start:n]
            start, size = n, 0
        size += own
    yield events[start:]
