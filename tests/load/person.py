"""Somebody who chats: a read socket, a write socket once they first send (or one for both), and the way back to each."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent

from deploy.swarm.stamp import make_id
from tests.load.outbox import Outbox
from tests.load.post import PAUSE_S, Post
from tests.load.promises import LOST_S, Book, Send, Sight


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
    def writing(self) -> Post:
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

    def _posts(self) -> list[Post]:
        return [self._read, *([self._write] if self._write is not None else [])]
