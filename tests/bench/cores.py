"""Which core runs what: the servers on one, the load on another, so that neither's figures hold the other's work."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the servers and the core of the load."""

    servers: int
    load: int

    @property
    def are_one(self) -> bool:
        return self.servers == self.load


def choose_cores(available: Iterable[int]) -> Cores:
    """Return the first core for the servers and the second for the load; where there is only one, both share it."""
    first, *others = sorted(available)
    return Cores(first, others[0] if others else first)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread, and whatever it starts in the block, on *core*; what was started stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
