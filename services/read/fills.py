"""The one way to a log's events: from memory, else from the recent ones in Redis, else from Postgres.

Whoever wants of a log what is being read of it already waits for that, and then finds it in memory: many who come back at once
make a few reads. Redis may be empty, wrong, slow or away; that costs queries, never events.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from services.read.cached import read_run
from services.read.channel import Push
from services.read.line import Line, Urgency
from services.read.memory import BLOCK_EVENTS, PAGE_EVENTS, Known, Memory, Version, assemble, page, up_to_gone
from shared import frames, limits
from shared.bus.payload import cache_key
from shared.bus.recent import Recent
from shared.errors import RingpostError, Unavailable
from shared.storage.events import PUTS_OUT
from shared.storage.logs import Logs

log = structlog.get_logger("ringpost.read")
PLACES = 4
SOURCES = "memory", "cache", "postgres"
REST_S = 5.0


class Wanted(NamedTuple):
    """The events after *after* up to *upto* of a log, as of a version of it."""

    log: UUID
    is_inbox: bool
    version: Version
    after: int
    upto: int


class _Found(NamedTuple):
    version: Version
    first: int
    events: list[Known]
    source: str


class Fills:
    """Reads ranges of logs. *start* runs a read beside those who wait for it, so that it outlives each of them."""

    def __init__(self, logs: Logs, recent: Recent, prefix: str, start: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._logs, self._recent, self._prefix, self._start = logs, recent, prefix, start
        self._memory = Memory()
        self._line = Line(PLACES)
        self._reading: dict[UUID, asyncio.Future[_Found]] = {}
        self._resting_until = 0.0
        self.counts: Counter[str] = Counter({_of(source): 0 for source in SOURCES})

    def metrics(self) -> dict[str, float]:
        now = {"read_fills_waiting": float(len(self._line)), "read_memory_bytes": float(self._memory.size)}
        return now | {f"read_{name}": float(n) for name, n in self.counts.items()}

    async def read(self, wanted: Wanted, urgency: Urgency = Urgency.MISSED) -> Push | None:
        """Return the next frame of what is wanted; None if Postgres has nothing of it.

        Raises:
            Unavailable: Postgres did not answer in time, or has another history.
        """
        found = await self._find(wanted, urgency)
        if not found.events:
            return None
        run, gone = up_to_gone(found.events)
        self._count(found.source, len(run))
        frame = assemble(None if wanted.is_inbox else wanted.log, found.first, run)
        return Push(found.first, wanted.after + len(run), frame, found.version.generation, gone)

    async def events(self, wanted: Wanted, limit: int) -> list[bytes]:
        """Return the first events of what is wanted, encoded: at most *limit*, and a page's bytes, but at least one.

        Raises:
            Unavailable: as for `read`.
        """
        events: list[Known] = []
        while len(events) < limit and wanted.after < wanted.upto:
            found = await self._find(wanted, Urgency.MISSED)
            if not found.events:
                break
            self._count(found.source, len(found.events))
            events += found.events
            wanted = wanted._replace(version=found.version, after=wanted.after + len(found.events))
            if sum(len(event.json) for event in events) > limits.PAGE_BYTES:
                break
        return [event.json for event in page(events, limit)]

    async def _find(self, wanted: Wanted, urgency: Urgency) -> _Found:
        """Return a page of what is wanted, from its first event on; without events where Postgres has none."""
        while True:
            events = self._memory.get(wanted.log, wanted.version, wanted.after + 1, wanted.upto)
            if events:
                return _Found(wanted.version, wanted.after + 1, events, "memory")
            reading = self._reading.get(wanted.log)
            if reading is None:
                found = await asyncio.shield(self._begin(wanted, urgency))
                own = page(found.events[wanted.after + 1 - found.first :][: wanted.upto - wanted.after])
                return found._replace(first=wanted.after + 1, events=own)
            self.counts["reads_shared_total"] += 1
            found = await asyncio.shield(reading)
            wanted = wanted._replace(version=found.version)

    def _count(self, source: str, events: int) -> None:
        self.counts[_of(source)] += events

    def _begin(self, wanted: Wanted, urgency: Urgency) -> asyncio.Future[_Found]:
        reading = self._reading[wanted.log] = asyncio.get_running_loop().create_future()
        self._start(self._work(wanted, urgency, reading))
        return reading

    async def _work(self, wanted: Wanted, urgency: Urgency, reading: asyncio.Future[_Found]) -> None:
        try:
            async with self._line.turn(urgency):
                found = await self._from_cache(wanted) or await self._from_postgres(wanted)
            self._memory.put(wanted.log, found.version, found.first, found.events)
            reading.set_result(found)
        except RingpostError as error:
            reading.set_exception(error)
        except BaseException:
            reading.set_exception(Unavailable("A read broke off; come back with your positions."))
            raise
        finally:
            del self._reading[wanted.log]
            reading.exception()  # looked at, though nobody may be waiting any more

    async def _from_cache(self, wanted: Wanted) -> _Found | None:
        loop, first = asyncio.get_running_loop(), wanted.after + 1
        if loop.time() < self._resting_until:
            return None
        try:
            payloads = await self._recent.run(cache_key(self._prefix, wanted.log, *wanted.version), first)
        except Unavailable as error:
            log.warning("the recent events are away; Postgres serves", error=str(error))
            self._resting_until = loop.time() + REST_S
            return None
        events = read_run(wanted.log, wanted.version, first, payloads, is_inbox=wanted.is_inbox)[:PAGE_EVENTS]
        self.counts["cache_hits_total" if events else "cache_misses_total"] += 1
        return _Found(wanted.version, first, events, "cache") if events else None

    async def _from_postgres(self, wanted: Wanted) -> _Found:
        """Read a page that begins with a block, since others may stand a little before."""
        first = max(1, (wanted.after + 1) // BLOCK_EVENTS * BLOCK_EVENTS)
        run = await self._logs.run(wanted.log, first, wanted.upto, PAGE_EVENTS)
        if run is None:
            return _Found(wanted.version, wanted.after + 1, [], "postgres")
        if run.epoch != wanted.version.epoch:
            raise Unavailable("The database has another history.")
        events = [Known(frames.encode(event), _gone(event, is_inbox=wanted.is_inbox)) for event in run.events]
        return _Found(Version(run.epoch, run.generation), first, events, "postgres")


def _of(source: str) -> str:
    return f'catch_up_events_total{{source="{source}"}}'


def _gone(event: dict[str, Any], *, is_inbox: bool) -> str | None:
    return str(event["user"]) if event["type"] in PUTS_OUT and not is_inbox else None
