"""One log at one gateway: what was pushed, in which order, and what has to be fetched first.

A pure core. Publications may come twice, late, out of order or not at all; heads come from Postgres. What leaves it is the log,
each seq once and without a hole.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

EARLY_PAYLOADS = 64
TAIL_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Push:
    """A finished frame with the events *first* … *last*, the next ones for everybody who has all before.

    *generation* is the log's after them, where it is known. *gone* is the user whom the last one puts out: they get this frame
    and none after it.
    """

    first: int
    last: int
    frame: bytes
    generation: int = 0
    gone: str | None = None


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch the events *first* … *last*: they come before what is here already."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The database has less of the log than was pushed, so a backup was restored: those who follow start over."""

    pushed: int
    head: int


class Arrival(StrEnum):
    """What a publication turned out to be; counted."""

    NEXT = "next"
    OLD = "old"
    EARLY = "early"
    OVERLAPPING = "overlapping"


class Channel:
    """The order of one log. *pushed* is the head that this gateway's clients were pushed; everything up to it is done."""

    __slots__ = ("_early", "_is_fetching", "_tail", "_tail_bytes", "_target", "generation", "pushed")

    def __init__(self, pushed: int, generation: int = 0) -> None:
        self.pushed, self.generation = pushed, generation
        self._early: dict[int, Push] | None = None  # most logs are silent, and these two would be most of a channel
        self._tail: deque[Push] | None = None
        self._tail_bytes = 0
        self._target = pushed
        self._is_fetching = False

    def receive(self, push: Push) -> tuple[Arrival, list[Push], Fetch | None]:
        """Take a publication; return what to push now, and what to fetch, if a hole came to light."""
        if push.last <= self.pushed:
            return Arrival.OLD, [], None
        if push.first == self.pushed + 1:
            return Arrival.NEXT, [*self._advance(push), *self._release()], None
        if push.first <= self.pushed:
            return Arrival.OVERLAPPING, [], self.expect(push.last)
        self._keep(push)
        return Arrival.EARLY, [], self.expect(push.last)

    def expect(self, head: int) -> Fetch | None:
        """Learn that the log goes up to *head*; return what to fetch, unless a fetch runs already."""
        self._target = max(self._target, head)
        if self._is_fetching or self._target <= self.pushed:
            return None
        self._is_fetching = True
        return Fetch(self.pushed + 1, min((first - 1 for first in self._early or ()), default=self._target))

    def compare(self, asked: int, head: int, generation: int) -> Fetch | Lost | None:
        """Take what the database says of the log; *asked* is what *pushed* was when it was asked.

        What was pushed then had been committed before, so a head below it tells of another history.
        """
        self.learn_generation(generation)
        return Lost(self.pushed, head) if head < asked else self.expect(head)

    def fetched(self, pushes: Sequence[Push]) -> tuple[list[Push], Fetch | None]:
        """Take what a fetch brought, ascending; return what to push, and what is still to be fetched.

        Nothing means that the database has nothing after *pushed*: whatever told of more was wrong, or is newer than
        the fetch, and the next comparison finds it.
        """
        self._is_fetching = False
        if not pushes:
            self._early = None
            self._target = self.pushed
            return [], None
        ready: list[Push] = []
        for push in pushes:
            if push.first == self.pushed + 1:
                ready += self._advance(push)
        ready += self._release()
        return ready, self.expect(self.pushed)

    def failed(self) -> None:
        """The fetch failed; the next head or publication asks again."""
        self._is_fetching = False

    def learn_generation(self, generation: int) -> None:
        """A text was erased: forget the frames that may hold it."""
        if generation > self.generation:
            self.generation = generation
            self._forget_tail()

    def since(self, seq: int) -> list[Push] | None:
        """Return the frames that hold exactly seq+1 … *pushed*, or None if they are not all here any more."""
        if seq >= self.pushed:
            return []
        wanted = [push for push in self._tail or () if push.first > seq]
        return wanted if wanted and wanted[0].first == seq + 1 else None

    def _advance(self, push: Push) -> list[Push]:
        self.pushed = push.last
        self.learn_generation(push.generation)
        if push.generation < self.generation:  # it was made before a text was erased, which may be one of its own
            self._forget_tail()
            return [push]
        tail = self._tail = self._tail or deque()
        tail.append(push)
        self._tail_bytes += len(push.frame)
        while self._tail_bytes > TAIL_BYTES and len(tail) > 1:
            self._tail_bytes -= len(tail.popleft().frame)
        return [push]

    def _forget_tail(self) -> None:
        self._tail = None
        self._tail_bytes = 0

    def _keep(self, push: Push) -> None:
        """Keep an early publication until its turn; those that come over the bound are fetched."""
        self._early = self._early or {}
        if push.first in self._early or len(self._early) < EARLY_PAYLOADS:
            self._early[push.first] = push

    def _release(self) -> list[Push]:
        """Return the early publications whose turn has come; forget those that it is too late for."""
        ready: list[Push] = []
        if self._early is None:
            return ready
        while (push := self._early.pop(self.pushed + 1, None)) is not None:
            ready += self._advance(push)
        self._early = {first: push for first, push in self._early.items() if first > self.pushed} or None
        return ready
