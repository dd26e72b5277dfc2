"""Publish what was committed: after the commit, off the path of the acknowledgement, one publication a log and batch.

A publication is a wake-up, not the truth: when Redis is away, or slower than the commits, it is dropped and counted, and the
read side finds the events in Postgres.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog

from services.write.publications import Stored, of_batch, of_change
from shared.bus.payload import Payload, pack
from shared.bus.publishing import Bus, Publication
from shared.bus.topics import Topics
from shared.errors import Unavailable
from shared.storage.conversations import Change

log = structlog.get_logger("ringpost.write")
BACKLOG_BYTES = 16 * 1024 * 1024
PAUSE_S = 0.2


class Publisher:
    """A bounded backlog of publications, and the loop that sends them."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        self._bus, self._topics = bus, Topics(prefix)
        self._backlog: deque[Publication] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._is_stopping = False
        self.published = self.dropped = 0

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    def publish_events(self, stored: Stored) -> None:
        """Publish a batch of stored events."""
        self._put(of_batch(stored))

    def publish_change(self, change: Change) -> None:
        """Publish a stored change of a conversation."""
        self._put(of_change(change))

    def _put(self, payloads: Iterable[tuple[UUID, Payload]]) -> None:
        now = asyncio.get_running_loop().time()
        for log_id, payload in payloads:
            data = pack(payload)
            if self._bytes + len(data) > BACKLOG_BYTES:
                self.dropped += 1
                continue
            channel, key, lasting = self._topics.of(log_id, payload.epoch, payload.generation, now)
            self._backlog.append(Publication(channel, key, payload.first, data, lasting))
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
                await self._bus.close()
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
