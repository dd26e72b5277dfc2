"""Events that were read lately, encoded for the wire: who comes back after another gateway has died finds them here.

A pure core, bounded in bytes. A log's events are kept by blocks, each under the epoch and the generation that they were read
with, so that what was erased later is not found.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from shared import limits

BLOCK_EVENTS = 64
MEMORY_BYTES = 32 * 1024 * 1024
PAGE_EVENTS = 500
OVERHEAD_BYTES = 150  # what Python adds to an event


class Known(NamedTuple):
    """One event: its JSON, and the user whom it puts out."""

    json: bytes
    gone: str | None


class Version(NamedTuple):
    """What a log's events are read under: under a later one some may have been erased."""

    epoch: UUID
    generation: int


@dataclass(slots=True)
class _Block:
    version: Version
    events: dict[int, Known] = field(default_factory=dict)
    size: int = 0


class Memory:
    """The blocks, the least lately used forgotten first."""

    def __init__(self, max_bytes: int = MEMORY_BYTES) -> None:
        self._max_bytes = max_bytes
        self._blocks: OrderedDict[tuple[UUID, int], _Block] = OrderedDict()
        self.size = 0

    def put(self, log: UUID, version: Version, first: int, events: Sequence[Known]) -> None:
        """Keep *events*, whose first is *first*."""
        for seq, event in enumerate(events, first):
            block = self._block((log, seq // BLOCK_EVENTS), version)
            if seq not in block.events:
                block.events[seq] = event
                size = len(event.json) + OVERHEAD_BYTES
                block.size += size
                self.size += size
        while self.size > self._max_bytes:
            self.size -= self._blocks.popitem(last=False)[1].size

    def get(self, log: UUID, version: Version, first: int, last: int) -> list[Known]:
        """Return the events from *first* on that are here, at most a page and none after *last*."""
        return page(self._run(log, version, first, last))

    def _run(self, log: UUID, version: Version, first: int, last: int) -> Iterator[Known]:
        for seq in range(first, last + 1):
            event = self._find(log, version, seq)
            if event is None:
                return
            yield event

    def _find(self, log: UUID, version: Version, seq: int) -> Known | None:
        key = log, seq // BLOCK_EVENTS
        block = self._blocks.get(key)
        if block is None or block.version != version:
            return None
        self._blocks.move_to_end(key)
        return block.events.get(seq)

    def _block(self, key: tuple[UUID, int], version: Version) -> _Block:
        block = self._blocks.get(key)
        if block is None or block.version != version:
            self.size -= block.size if block is not None else 0
            block = self._blocks[key] = _Block(version)
        self._blocks.move_to_end(key)
        return block


def page(events: Iterable[Known], most: int = PAGE_EVENTS) -> list[Known]:
    """Return the first of *events* that fit into a frame, but at least one."""
    fitting: list[Known] = []
    size = 0
    for event in events:
        size += len(event.json)
        if fitting and (size > limits.PAGE_BYTES or len(fitting) == most):
            break
        fitting.append(event)
    return fitting


def assemble(log: UUID | None, first: int, events: Sequence[Known]) -> bytes:
    """Return the frame of `shared.frames.events_frame` with *events*, which are encoded already."""
    about = b'{"type":"inbox"' if log is None else b'{"type":"events","conversation":"%b"' % str(log).encode()
    ends = b',"from":%d,"to":%d,"events":[' % (first, first + len(events) - 1)
    return b"".join((about, ends, b",".join(event.json for event in events), b"]}"))


def up_to_gone(events: Sequence[Known]) -> tuple[Sequence[Known], str | None]:
    """Return *events* up to the first that puts somebody out, and whom: they must not get what comes after it."""
    for place, event in enumerate(events):
        if event.gone is not None:
            return events[: place + 1], event.gone
    return events, None
