"""Sends that wait for a commit: one bounded line, in the order they came in.

A pure core: the committer takes batches from it and gives back what could not be stored yet.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from shared.errors import Overloaded, RingpostError
from shared.storage.append import NewEvent, Outcome

PATIENT_AFTER = 2
OVERHEAD_BYTES = 256

Result = Outcome | RingpostError


class Sink(Protocol):
    """Who waits for the outcome: one HTTP request, or a socket with many sends in flight."""

    def settle(self, results: Sequence[tuple[NewEvent, Result]]) -> None:
        """Take the results of some of the sends, in their order. Must not raise."""


class Send(msgspec.Struct, eq=False):
    """One send in the line. *since* is when it came, in the committer's clock; *tries* how often it was found busy."""

    event: NewEvent
    sink: Sink
    since: float
    tries: int = 0

    @property
    def size(self) -> int:
        text = self.event.text
        return OVERHEAD_BYTES + 4 * len(text) if text else OVERHEAD_BYTES


class SendQueue:
    """The line. Bounded by rows and by bytes; what does not fit is refused at once."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self._line: deque[Send] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._line)

    @property
    def bounds(self) -> tuple[int, int]:
        """How many rows and bytes fit."""
        return self._max_rows, self._max_bytes

    def offer(self, send: Send) -> None:
        """Put *send* at the end of the line.

        Raises:
            Overloaded: the line is full.
        """
        if len(self._line) >= self._max_rows or self.bytes + send.size > self._max_bytes:
            raise Overloaded
        self._line.append(send)
        self.bytes += send.size

    def take(self, max_rows: int, max_bytes: int) -> list[Send]:
        """Take the first sends of the line: as many as fit, but at least one if there is one."""
        batch: list[Send] = []
        size = 0
        while self._line and len(batch) < max_rows:
            size += self._line[0].size
            if batch and size > max_bytes:
                break
            batch.append(self._line.popleft())
            self.bytes -= batch[-1].size
        return batch

    def give_back(self, sends: Sequence[Send]) -> None:
        """Put *sends*, which were taken, at the head of the line again, in their order."""
        self._line.extendleft(reversed(sends))
        self.bytes += sum(send.size for send in sends)

    def drop_followers(self, failed: Iterable[Send]) -> list[Send]:
        """Take out all that the senders of *failed* sent after it in the same conversation, so that its retry comes first."""
        lanes = {(send.sink, send.event.conversation) for send in failed}
        dropped = [send for send in self._line if (send.sink, send.event.conversation) in lanes]
        if dropped:
            gone = set(map(id, dropped))
            self._line = deque(send for send in self._line if id(send) not in gone)
            self.bytes -= sum(send.size for send in dropped)
        return dropped


def is_patient(batch: Sequence[Send]) -> bool:
    """Say whether to wait for rows that another gateway holds: one of the sends was found busy twice."""
    return any(send.tries >= PATIENT_AFTER for send in batch)
