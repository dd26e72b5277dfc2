"""Somebody who chats: a read socket, a write socket once they first send (or one for both), and the way back to each."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import websocket

from deploy.swarm.stamp import make_id
from tests.load.line import Line
from tests.load.outbox import Outbox
from tests.load.promises import LOST_S, Book, Send, Sight, Strand

BACKOFF_S, BACKOFF_CAP_S, PAUSE_S, TICK_S, SILENT = 0.5, 30.0, 1.0, 1.0, 2.5


@dataclass(frozen=True, slots=True)
class Tell:
    """Who is told. Times are in seconds.

    *acked*(seconds), *seen*(seconds, bytes of the text), *refused*(code), *without*(seconds without a socket).
    """

    acked: Callable[[float], None]
    seen: Callable[[float, int], None]
    refused: Callable[[str], None]
    without: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the services are, where one connects from (None: wherever), and what one shows."""

    read_url: str
    write_url: str
    source: str | None
    token: str


class Person:
    """One user of the system; *sight* is what they have, *outbox* what they have not got answered."""

    def __init__(self, name: str, place: Place, book: Book, tell: Tell, number: int) -> None:
        self.name, self._place, self._book, self._tell = name, place, book, tell
        self._number = number << 32 | random.getrandbits(31)
        self.sight, self.outbox = Sight(name, book), Outbox()
        self._read = Post(self, place.read_url, reads=True)
        self._write: Post | None = None

    def come(self) -> None:
        """Connect; return when whatever comes is live. Raises TimeoutError where that does not come to be."""
        self._read.open()
        self._read.wait()

    @property
    def writing(self) -> "Post":
        """The socket for sends: the read one if it takes them."""
        if "write" in self._read.roles:
            return self._read
        if self._write is None:
            self._write = Post(self, self._place.write_url, reads=False)
            self._write.open()
        return self._write

    def send(self, conversation: str, text: str, due: float) -> None:
        self._number += 1
        send = Send(make_id(int(1e9 * due), self._number), conversation, self.name, text, due)
        self._book.send(send)
        writing = self.writing
        for frame in self.outbox.add(send):
            writing.say(frame)

    def tick(self, now: float) -> None:
        """Keep the sockets alive; see whether something is lost."""
        for post in self._posts():
            post.tick(now)
        if self._read.up_since is not None and now - self._read.up_since > LOST_S:
            self.sight.check(now)

    def is_done(self) -> bool:
        """Say whether all is answered, and here."""
        return not len(self.outbox) and not self.sight.lacks()

    def leave(self) -> None:
        for post in self._posts():
            post.close()

    # What the sockets hear.

    def hear_acks(self, acks: Sequence[Mapping[str, Any]]) -> None:
        now = time.monotonic()
        for ack in acks:
            self.outbox.settle(ack["id"])
            send = self._book.ack(ack["conversation"], ack["id"], ack["seq"], now)
            if send is not None:
                self._tell.acked(now - send.due)

    def hear_events(self, conversation: str, events: Sequence[Mapping[str, Any]]) -> None:
        now = time.monotonic()
        for event in events:
            send = self._book.deliver(conversation, event)
            if send is not None:
                self._tell.seen(now - send.due, len(send.text))

    def hear_refusal(self, frame: Mapping[str, Any]) -> None:
        if not frame["retryable"]:
            self.outbox.settle(frame["id"])
            self._tell.refused(frame["code"])
        elif self.outbox.put_off(frame["conversation"]):
            gevent.spawn_later(max(PAUSE_S, float(frame.get("retry_after") or 0)), self._resume, frame["conversation"])

    def hear_absence(self, seconds: float) -> None:
        self._tell.without(seconds)

    def token(self) -> str:
        return self._place.token

    def source(self) -> str | None:
        return self._place.source

    def _resume(self, conversation: str) -> None:
        for frame in self.outbox.resume(conversation):
            self.writing.say(frame)

    def _posts(self) -> list["Post"]:
        return [self._read, *([self._write] if self._write is not None else [])]


class Post:
    """A person's connection to one service, kept up: lines one after the other, after `moved` the next before the last ends."""

    def __init__(self, person: Person, url: str, *, reads: bool) -> None:
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
