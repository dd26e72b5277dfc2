"""Group commit without a timer: while one batch commits, the next one gathers.

An idle gateway commits a single send at once; under load the batches grow by themselves.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from prometheus_client.registry import Collector

from services.write.publications import Stored
from services.write.queue import Result, Send, SendQueue, Sink, is_patient
from shared.errors import Draining, Invalid, PutOff, RingpostError, Unavailable
from shared.metrics import Histogram
from shared.storage.append import Appender, NewEvent, Outcome, Poisonous, Status

log = structlog.get_logger("ringpost.write")
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """How much one commit holds, and how long a send may wait for it."""

    rows: int
    bytes: int
    deadline_s: float


class Committer:
    """Takes sends from the queue, commits them, tells their senders, hands what is new to the publisher."""

    def __init__(self, queue: SendQueue, appender: Appender, bounds: BatchBounds, publish: Callable[[Stored], None]) -> None:
        self._queue, self._appender, self._bounds, self._publish = queue, appender, bounds, publish
        self._rows = bounds.rows
        self._pause_s = FIRST_PAUSE_S
        self._filled = asyncio.Event()
        self._is_stopping = False
        self.failures = self.unavailable = 0
        self.on_stranger: Callable[[UUID], None] = lambda conversation: None
        self.outcomes: Counter[Status] = Counter(dict.fromkeys(Status, 0))
        self._sizes = Histogram("write_batch_rows", "Sends in one commit.", BATCH_BUCKETS)
        self._times = Histogram("write_commit_seconds", "From handing a batch to Postgres to its answer.")
        self._acks = Histogram(
            "write_ack_seconds", "From taking a send to telling its sender what became of it, where Postgres said so."
        )

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def queued_bytes(self) -> int:
        return self._queue.bytes

    @property
    def queue_bounds(self) -> tuple[int, int]:
        """The rows and the bytes that may be queued."""
        return self._queue.bounds

    @property
    def histograms(self) -> tuple[Collector, ...]:
        return self._sizes, self._times, self._acks

    def offer(self, event: NewEvent, sink: Sink) -> None:
        """Queue *event*; *sink* hears what became of it.

        Raises:
            Overloaded: the queue is full; nothing was queued.
            Draining: this gateway is about to stop.
        """
        if self._is_stopping:
            raise Draining
        self._queue.offer(Send(event, sink, asyncio.get_running_loop().time()))
        self._filled.set()

    async def run(self) -> None:
        """Commit until `stop`, then what is still queued."""
        while True:
            while not self._queue:
                if self._is_stopping:
                    self._appender.close()
                    return
                self._filled.clear()
                await self._filled.wait()
            await self._commit(self._queue.take(self._rows, self._bounds.bytes))

    def stop(self) -> None:
        self._is_stopping = True
        self._filled.set()

    async def _commit(self, batch: Sequence[Send]) -> None:
        began = time.perf_counter()
        try:
            outcomes = await self._appender.append([send.event for send in batch], patient=is_patient(batch))
        except Unavailable as error:
            await self._wait_out(batch, error)
        except Poisonous as error:
            self._isolate(batch, error)
        else:
            self._sizes.observe(len(batch))
            self._times.observe(time.perf_counter() - began)
            self._rows = min(self._bounds.rows, self._rows * 2)
            self._pause_s = FIRST_PAUSE_S
            self._settle_stored(batch, outcomes)

    def _settle_stored(self, batch: Sequence[Send], outcomes: Sequence[Outcome]) -> None:
        busy: list[Send] = []
        stored: Stored = []
        results: list[tuple[Send, Result]] = []
        now, acks = asyncio.get_running_loop().time(), self._acks
        for send, outcome in zip(batch, outcomes, strict=True):
            self.outcomes[outcome.status] += 1
            if outcome.status is Status.BUSY:
                send.tries += 1
                busy.append(send)
                continue
            results.append((send, outcome))
            acks.observe(now - send.since)
            if outcome.status is Status.STORED:
                stored.append((send.event, outcome))
            elif outcome.status is Status.NOT_FOUND:
                self.on_stranger(send.event.conversation)
        if busy:
            self._queue.give_back(busy)
        _tell(results)
        if stored:
            self._publish(stored)

    async def _wait_out(self, batch: Sequence[Send], error: RingpostError) -> None:
        """Fail what has waited too long, with all that must not overtake its retry; keep the rest for the next try."""
        self.failures += 1
        cause = error.__cause__
        log.warning("a batch did not commit", rows=len(batch), error=type(cause or error).__name__)
        oldest = asyncio.get_running_loop().time() - self._bounds.deadline_s + self._pause_s
        late = [send for send in batch if send.since <= oldest]
        lanes = {(send.sink, send.event.conversation) for send in late}
        kept = [send for send in batch if send.since > oldest]
        followers = [send for send in kept if (send.sink, send.event.conversation) in lanes]
        self._queue.give_back([send for send in kept if send not in followers])
        followers += self._queue.drop_followers(late)
        self.unavailable += len(late) + len(followers)
        _tell([*((send, error) for send in late), *((send, PutOff()) for send in followers)])
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)

    def _isolate(self, batch: Sequence[Send], error: Poisonous) -> None:
        """Halve until the send that the database refuses stands alone, then refuse it."""
        if len(batch) == 1:
            log.error("the database refuses a send", error=str(error), conversation=str(batch[0].event.conversation))
            _tell([(batch[0], Invalid("The database refuses this send."))])
            self._rows = self._bounds.rows
            return
        self._queue.give_back(batch)
        self._rows = len(batch) // 2


def _tell(results: Iterable[tuple[Send, Result]]) -> None:
    """Hand each sink its results, all at once and in order."""
    by_sink: dict[Sink, list[tuple[NewEvent, Result]]] = {}
    for send, result in results:
        by_sink.setdefault(send.sink, []).append((send.event, result))
    for sink, own in by_sink.items():
        sink.settle(own)
