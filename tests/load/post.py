"""A person's connection to one service, and the way back to it."""

import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gevent
import websocket

from tests.load.line import Line
from tests.load.promises import Strand

if TYPE_CHECKING:
    from tests.load.person import Person

BACKOFF_S, BACKOFF_CAP_S, PAUSE_S, TICK_S, SILENT = 0.5, 30.0, 1.0, 1.0, 2.5


class Post:
    """Kept up: lines one after the other, after `moved` the next before the last ends."""

    def __init__(self, person: "Person", url: str, *, reads: bool) -> None:
        self._person, self._url, self._reads = person, url, reads
        self._line: Line | None = None
        self._next: Line | None = None
        self._strands: dict[Line, Strand] = {}
        self._is_over = False
        self._spread_s = 0.0
        self._lost_at: float | None = None
        self.up_since: float | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        return self._line.roles if self._line is not None else ()

    def open(self) -> None:
        gevent.spawn(self._come, 0.0)

    def wait(self, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while self.up_since is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._person.name} has no socket at {self._url} after {within_s:.0f} s")
            gevent.sleep(0.05)

    def say(self, frame: Mapping[str, Any]) -> None:
        """Say it if there is a line; else it waits in the outbox."""
        if self._line is not None and self._line.is_up:
            self._line.say(frame)

    def tick(self, now: float) -> None:
        for line in (self._line, self._next):
            if line is not None and line.is_up:
                if now - line.heard_at > SILENT * line.heartbeat_s:
                    line.cut()
                elif now - line.pinged_at >= line.heartbeat_s - TICK_S:
                    line.say({"type": "ping"})
                    line.pinged_at = now

    def close(self) -> None:
        self._is_over = True
        for line in (self._line, self._next):
            if line is not None:
                line.close()

    def _come(self, wait_s: float) -> None:
        """Open a line; with full jitter again and again."""
        tries = 0
        gevent.sleep(random.uniform(0, wait_s))
        while not self._is_over:
            try:
                self._line = line = self._open()
            except (OSError, websocket.WebSocketException):
                tries += 1
                gevent.sleep(random.uniform(0, min(BACKOFF_CAP_S, BACKOFF_S * 2**tries)))
            else:
                self._begin(line)
                return

    def _open(self) -> Line:
        return Line(self._url, self._person.source(), self._hear, self._lose)

    def _begin(self, line: Line) -> None:
        """Say hello, once the line has its place: its welcome may come at once."""
        line.said = self._person.sight.cursor() if self._reads else {}
        line.begin({"type": "hello", "token": self._person.token(), **line.said})

    def _lose(self, line: Line) -> None:
        self._strands.pop(line, None)
        if line is self._next:
            self._next = None
        elif line is self._line and not self._is_over:
            self._line, self._next = self._next, None
            if self._line is None or not self._line.is_up:
                self._lost_at, self.up_since = self._lost_at or time.monotonic(), None
            if self._line is None:
                gevent.spawn(self._come, max(BACKOFF_S, self._spread_s))

    def _hear(self, line: Line, frame: Mapping[str, Any]) -> None:
        kind = frame["type"]
        if kind == "events":
            self._person.hear_events(frame["conversation"], self._strands[line].take(frame))
        elif kind == "acks":
            self._person.hear_acks(frame["acks"])
        elif kind == "inbox":
            self._strands[line].take(frame)
        elif kind == "range":
            self._strands[line].range(frame, {})
        elif kind == "welcome":
            self._welcome(line, frame)
        elif kind == "caught_up":
            self._settle(line)
        elif kind == "error" and "id" in frame:
            self._person.hear_refusal(frame)
        elif kind == "moved" and line is self._line:
            gevent.spawn(self._move, line, frame)

    def _welcome(self, line: Line, frame: Mapping[str, Any]) -> None:
        line.roles, line.gateway, line.heartbeat_s = tuple(frame["roles"]), frame["gateway"], float(frame["heartbeat_s"])
        self._spread_s = float(frame["reconnect"]["spread_s"])
        if "read" in line.roles and self._reads:
            self._strands[line] = strand = self._person.sight.strand()
            strand.welcome(frame, line.said)
        else:
            self._settle(line)

    def _settle(self, line: Line) -> None:
        """The line has all that was there before: it serves from now on."""
        line.settled_at = now = time.monotonic()
        if self._lost_at is not None:
            self._person.hear_absence(now - self._lost_at)
            self._lost_at = None
        if line is self._next:
            old, self._line, self._next = self._line, line, None
            if old is not None:
                self._strands.pop(old, None)
                old.close()
        self.up_since = self.up_since or now
        if "write" in line.roles:
            for frame in self._person.outbox.everything():
                line.say(frame)

    def _move(self, line: Line, frame: Mapping[str, Any]) -> None:
        """Open the next line while this one stands; where that fails, or leads back here, again after a pause."""
        gevent.sleep(float(frame["retry_after"]) + random.uniform(0, float(frame["reconnect"]["spread_s"])))
        while line is self._line and line.is_up and not self._is_over:
            try:
                self._next = following = self._open()
            except (OSError, websocket.WebSocketException):
                gevent.sleep(random.uniform(0.1, PAUSE_S))
                continue
            self._begin(following)
            while self._next is not None and not self._next.roles:
                gevent.sleep(0.02)
            if self._next is None or self._next.gateway != line.gateway:
                return
            self._next.close()
            self._next = None
            gevent.sleep(random.uniform(0.1, PAUSE_S))
