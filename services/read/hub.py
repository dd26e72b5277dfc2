"""All logs that this gateway serves: who follows them, what Redis says of them, and what Postgres says once a second.

A publication is a wake-up. That every log is complete, whatever Redis does, comes from the comparison with Postgres' heads.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import structlog

from services.read.channel import Arrival, Channel, Fetch, Lost, Push
from services.read.fills import Fills, Wanted
from services.read.line import Urgency
from services.read.memory import Version
from shared import frames
from shared.bus.payload import channel_name, unpack
from shared.bus.recent import Recent
from shared.bus.signals import is_signal
from shared.bus.subscription import Subscription
from shared.errors import Invalid, RingpostError, Unavailable
from shared.metrics import Histogram
from shared.storage.connection import translated
from shared.storage.history import Head
from shared.storage.logs import Logs
from shared.websocket.edge import Edge
from shared.websocket.fan_out import fan_out

log = structlog.get_logger("ringpost.read")
COMPARE_S, COMPARE_DEAF_S, GRACE_S = 1.0, 0.3, 0.25
SLICE = 500
REACH_S = 5.0


COUNTED = (*Arrival, "deliveries", "fetches", "foreign_epoch", "lagging", "poison", "repaired_events", "started_over")


class Cause(StrEnum):
    """Why events had to be fetched."""

    HOLE = "hole"  # a later publication came first
    LOST = "lost"  # Postgres has more, and nothing told of it
    DEAF = "deaf"  # likewise, while Redis was not heard
    POSITION = "position"  # a client knows of more


class Follower(Protocol):
    """Who gets a log's frames one by one: a session that has to read its inbox, an event stream, a long poll that waits."""

    def push(self, log: UUID, frame: bytes, push: Push) -> None:
        """Take the next frame of *log*: finished for the wire, and what it is made of. Must not raise."""

    def offer(self, frame: bytes) -> None:
        """Take a JSON frame that may be left out: it is no event. Must not raise."""

    def lose(self) -> None:
        """The database's history is another one now: start over."""


class Served:
    """A log that somebody here follows. *edges* are the sockets that are only written to, *followers* all others."""

    __slots__ = ("channel", "edges", "followers", "holds", "is_inbox", "log", "opening")

    def __init__(self, log_id: UUID, *, is_inbox: bool) -> None:
        self.log, self.is_inbox = log_id, is_inbox
        self.edges: set[Edge] = set()
        self.followers: set[Follower] = set()
        self.channel: Channel | None = None
        self.opening: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self.holds = 0


class Hub:
    """Logs, their channels and their followers."""

    def __init__(self, stored: Logs, recent: Recent, subscription: Subscription, prefix: str) -> None:
        self._stored, self._subscription, self.prefix = stored, subscription, prefix
        self.fills = Fills(stored, recent, prefix, self.start)
        self._logs: dict[UUID, Served] = {}
        self._by_channel: dict[bytes, Served] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._opened: list[Served] = []
        self._to_open = asyncio.Event()
        self._due: list[tuple[Served, Push]] = []
        self.epoch: UUID | None = None
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self.repairs: Counter[Cause] = Counter(dict.fromkeys(Cause, 0))
        self.behind = 0
        self.times = Histogram("read_delivery_seconds", "From the commit of an event to its write to a client, live.")
        self.on_gone: Callable[[Served, str], None] = lambda served, user: None
        self.on_lost: Callable[[], None] = lambda: None
        self.on_signal: Callable[[Served, bytes], None] = lambda served, data: None
        self.on_stranger: Callable[[bytes], None] = lambda channel: None
        self.is_hearing: Callable[[], bool] = lambda: subscription.is_connected
        self._look = asyncio.Event()
        subscription.on_message, subscription.on_complete = self._receive, self._look.set

    def __len__(self) -> int:
        return len(self._logs)

    # Following.

    async def serve(self, log_id: UUID, *, is_inbox: bool = False) -> Served:
        """Return the log with its channel open, and hold it until `release`: subscribed first, then its head is read."""
        served = self._logs.get(log_id)
        if served is None:
            served = self._logs[log_id] = Served(log_id, is_inbox=is_inbox)
            name = channel_name(self.prefix, log_id).encode()
            self._by_channel[name] = served
            self._subscription.subscribe(name)
            self._opened.append(served)
            self._to_open.set()
        served.holds += 1
        if served.opening is not None:
            try:
                await asyncio.shield(served.opening)
            except BaseException:
                self.release(served)
                raise
        return served

    def served(self, log_id: UUID) -> Served | None:
        """Return the log, if somebody here follows it."""
        return self._logs.get(log_id)

    def release(self, served: Served) -> None:
        """Let go of a log; the last one to do so ends its subscription."""
        served.holds -= 1
        if served.holds == 0 and self._logs.get(served.log) is served:
            del self._logs[served.log]
            name = channel_name(self.prefix, served.log).encode()
            del self._by_channel[name]
            self._subscription.unsubscribe(name)

    def flush(self) -> None:
        """Write what is due to all who follow now. Whoever joins does it first, and then has all that was pushed before."""
        due, self._due = self._due, []
        for served, pushes in _runs(due):
            if served.edges:
                fan_out(served.edges, b"".join(frames.wire(push.frame) for push in pushes))
            for follower in tuple(served.followers):
                _hand_over(follower, served.log, pushes)
            self._count(pushes, len(served.edges) + len(served.followers))
            if pushes[-1].gone is not None:
                self.on_gone(served, pushes[-1].gone)

    def _count(self, pushes: Sequence[Push], readers: int) -> None:
        """Count deliveries, all of them by the age of the first event: what comes in one tick was committed together."""
        deliveries = readers * len(pushes)
        self.counts["deliveries"] += deliveries
        committed_at = frames.time_of_first(pushes[0].frame)
        if deliveries and committed_at is not None:
            self.times.observe(max(time.time() - committed_at, 0.0), deliveries)

    # Redis.

    def _receive(self, channel: bytes, data: bytes) -> None:
        served = self._by_channel.get(channel)
        if served is None:
            self.on_stranger(channel)
            return
        if is_signal(data):
            self.on_signal(served, data)
            return
        if served.channel is None:
            return
        try:
            payload = unpack(data)
        except Invalid:
            self.counts["poison"] += 1
            return
        if payload.epoch != self.epoch:
            self.counts["foreign_epoch"] += 1
            return
        arrival, pushes, fetch = served.channel.receive(
            Push(payload.first, payload.last, payload.frame, payload.generation, payload.gone)
        )
        self.counts[arrival] += 1
        self._deliver(served, pushes)
        self._fetch(served, fetch, Cause.HOLE)

    def _deliver(self, served: Served, pushes: Sequence[Push]) -> None:
        """Have *pushes* written with the end of this tick: what comes together leaves together."""
        if pushes and not self._due:
            asyncio.get_running_loop().call_soon(self.flush)
        self._due += [(served, push) for push in pushes]

    # Postgres.

    async def run(self) -> None:
        """Compare heads, open logs and fill holes until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._open_logs())
            while True:
                await self._compare_all()

    async def _compare_all(self) -> None:
        """Compare all heads within a second, some at a time: all of them at once would hold up what is pushed meanwhile."""
        self._look.clear()
        logs = tuple(self._logs.values())
        starts = range(0, max(1, len(logs)), SLICE)
        behind = 0
        for start in starts:
            try:
                behind += await self.compare(logs[start : start + SLICE])
            except Unavailable as error:
                log.warning("heads could not be compared", error=str(error))
            await self._pause((COMPARE_S if self.is_hearing() else COMPARE_DEAF_S) / len(starts))
        self.behind = behind

    async def _pause(self, most_s: float) -> None:
        """Wait, but not when the subscription has come back: what it missed is to be found at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._look.wait()

    async def _open_logs(self) -> None:
        """Read the heads of newly served logs, all that asked meanwhile in one query."""
        while True:
            await self._to_open.wait()
            self._to_open.clear()
            opened, self._opened = self._opened, []
            await self._subscription.settled()
            try:
                heads = await self._open([served.log for served in opened])
            except Unavailable:
                self._opened += opened
                await asyncio.sleep(GRACE_S)
                self._to_open.set()
                continue
            for served in opened:
                head = heads.get(served.log, Head(0, 0))
                served.channel = Channel(head.seq, head.generation)
                assert served.opening is not None
                served.opening.set_result(None)
                served.opening = None

    async def _open(self, logs: Sequence[UUID]) -> dict[UUID, Head]:
        epoch, heads = await self._stored.differing(logs, [0] * len(logs))
        self._learn_epoch(epoch, heads)
        return heads

    def _learn_epoch(self, epoch: UUID, heads: Mapping[UUID, Head]) -> bool:
        """Say whether the history is still the one that is known."""
        is_same = self.epoch in (None, epoch)
        self.epoch = epoch
        if not is_same:
            self._start_over(heads)
        return is_same

    def _start_over(self, heads: Mapping[UUID, Head]) -> None:
        """Another history: every position is void, and every client must say hello again."""
        log.warning("the database has another history; all clients start over")
        self.counts["started_over"] += 1
        for served in tuple(self._logs.values()):
            if served.channel is not None:
                head = heads.get(served.log, Head(served.channel.pushed, served.channel.generation))
                served.channel = Channel(head.seq, head.generation)
            for follower in tuple(served.followers):
                follower.lose()
        self.on_lost()

    async def compare(self, logs: Sequence[Served]) -> int:
        """Ask Postgres which of *logs* are not where they are here, and have that mended; return by how many events."""
        asked = [served for served in logs if served.channel is not None]
        channels = [served.channel for served in asked if served.channel is not None]
        pushed = [channel.pushed for channel in channels]
        places = [channel.pushed + channel.generation for channel in channels]
        epoch, heads = await self._stored.differing([served.log for served in asked], places)
        if self._learn_epoch(epoch, heads) and heads:
            differing = [told for told in zip(asked, channels, pushed, strict=True) if told[0].log in heads]
            self.start(self._repair(differing, heads))
            return sum(max(heads[served.log].seq - seq, 0) for served, _, seq in differing)
        return 0

    async def _repair(self, differing: Sequence[tuple[Served, Channel, int]], heads: Mapping[UUID, Head]) -> None:
        """Give what is on its way by Redis a moment, then fetch it."""
        if any(heads[served.log].seq > seq for served, _, seq in differing):
            await asyncio.sleep(GRACE_S if self.is_hearing() else 0)
        for served, channel, seq in differing:
            if served.channel is channel and self._judge(served, channel, seq, heads):
                return

    def _judge(self, served: Served, channel: Channel, asked: int, heads: Mapping[UUID, Head]) -> bool:
        """Take what Postgres said of a log; say whether that made all start over."""
        head = heads[served.log]
        found = channel.compare(asked, head.seq, head.generation)
        if isinstance(found, Lost):
            log.warning("a log ends before what was pushed of it: a backup was restored", log=str(served.log))
            self._start_over(heads)
            return True
        self.counts["lagging"] += found is not None
        self._fetch(served, found, Cause.LOST if self.is_hearing() else Cause.DEAF)
        return False

    def _fetch(self, served: Served, fetch: Fetch | None, cause: Cause) -> None:
        if fetch is not None:
            self.start(self._fill(served, fetch, cause))

    async def _fill(self, served: Served, fetch: Fetch | None, cause: Cause) -> None:
        self.repairs[cause] += fetch is not None
        while fetch is not None:
            channel = served.channel
            if channel is None:
                return
            self.counts["fetches"] += 1
            try:
                push = await self.read(served, fetch.first - 1, fetch.last, Urgency.LIVE)
            except RingpostError:
                channel.failed()
                return
            pushes, fetch = channel.fetched([push] if push is not None else [])
            if served.channel is not channel:
                return
            if push is not None:
                self.counts["repaired_events"] += push.last - push.first + 1
            self._deliver(served, pushes)

    async def reach(self, served: Served, seq: int) -> None:
        """Push up to *seq*, which Postgres has, to all who follow: the news of it is still on its way.

        Raises:
            Unavailable: that took too long.
        """
        with translated():
            async with asyncio.timeout(REACH_S):
                while served.channel is not None and served.channel.pushed < seq:
                    await self._fill(served, served.channel.expect(seq), Cause.POSITION)
                    await asyncio.sleep(0.001)

    async def read(self, served: Served, after: int, upto: int, urgency: Urgency = Urgency.MISSED) -> Push | None:
        """Read the events after+1 … *upto* of a log, or as many of them as one frame holds."""
        channel = served.channel
        assert channel is not None and self.epoch is not None, "the log is open"  # noqa: PT018
        version = Version(self.epoch, channel.generation)
        push = await self.fills.read(Wanted(served.log, served.is_inbox, version, after, upto), urgency)
        if push is not None:
            channel.learn_generation(push.generation)
        return push

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* beside the hub; a RingpostError ends it quietly, since whoever it concerns was told."""
        assert self._tasks is not None, "the hub runs first"
        self._tasks.create_task(_quietly(work))


def _hand_over(follower: Follower, log_id: UUID, pushes: Sequence[Push]) -> None:
    try:
        for push in pushes:
            follower.push(log_id, frames.wire(push.frame), push)
    except Exception:  # a bug in one follower must not cost the others a frame
        log.exception("a follower failed; it starts over")
        follower.lose()


def _runs(due: Sequence[tuple[Served, Push]]) -> list[tuple[Served, list[Push]]]:
    """Gather the pushes of each log; one that puts somebody out is the last of its run."""
    runs: list[tuple[Served, list[Push]]] = []
    open_runs: dict[Served, list[Push]] = {}
    for served, push in due:
        run = open_runs.get(served)
        if run is None:
            run = open_runs[served] = []
            runs.append((served, run))
        run.append(push)
        if push.gone is not None:
            del open_runs[served]
    return runs


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except RingpostError as error:
        log.info("work for a socket ended early", error=str(error))
    except Exception:  # a bug in one socket's work must not end the gateway
        log.exception("work for a socket failed")
