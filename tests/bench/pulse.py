"""One send at a time, at an even pace: how long it takes where nothing else is under way."""

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.bench.pace import Watched, watch_pace
from tests.bench.rounds import Busy
from tests.bench.window import without_gc

PER_SECOND, WARM_S, LONGEST_S = 100, 0.5, 20.0

Say = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pulse:
    """The seconds that each took, ascending."""

    delays: Sequence[float]
    busy: Busy

    def delay_ms(self, share: float) -> float:
        """Return the delay that the *share* of them did not exceed."""
        return 1_000 * self.delays[min(len(self.delays) - 1, int(share * len(self.delays)))]


async def run_pulse(say: Say, watched: Watched, seconds: float) -> Pulse:
    """Call *say*, which sends and returns when that is done, a hundred times a second for so many seconds."""
    delays = array("d")
    is_over = asyncio.Event()

    async def count() -> int:
        return len(delays)

    with without_gc():
        async with asyncio.TaskGroup() as group:
            group.create_task(_beat(say, delays, is_over))
            await asyncio.sleep(WARM_S)
            first = len(delays)
            pace = await watch_pace(count, watched, seconds)
            is_over.set()
    return Pulse(sorted(delays[first:]), pace.busy)


async def _beat(say: Say, delays: "array[float]", is_over: asyncio.Event) -> None:
    due = time.perf_counter()
    while not is_over.is_set():
        due = max(due + 1 / PER_SECOND, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())
        began = time.perf_counter()
        async with asyncio.timeout(LONGEST_S):
            await say()
        delays.append(time.perf_counter() - began)
