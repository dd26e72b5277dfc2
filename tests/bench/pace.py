"""How fast something goes on, by a count that is looked at twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.bench.cores import Cores
from tests.bench.cpu import Meter, used_seconds
from tests.bench.failure import Failed
from tests.bench.rounds import Busy

Count = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Pace:
    """So many a second, and how busy the cores were meanwhile."""

    per_second: float
    busy: Busy


@dataclass(frozen=True, slots=True)
class Watched:
    """What works on what is counted: the servers, the cores, and the processor time of the load so far."""

    servers: Meter
    cores: Cores
    load_cpu_s: Callable[[], float] = time.process_time


async def watch_pace(count: Count, watched: Watched, seconds: float) -> Pace:
    """Watch *count* rise for so long; raise Failed if it does not."""
    begin = await _look(count, watched)
    await asyncio.sleep(seconds)
    end = await _look(count, watched)
    lasted, servers, load, everything, counted = (b - a for a, b in zip(begin, end, strict=True))
    if not counted:
        raise Failed(f"nothing was done in {seconds:.1f} s")
    others = max(0.0, everything - servers - load)
    return Pace(counted / lasted, Busy(servers / lasted, load / lasted, others / lasted))


async def _look(count: Count, watched: Watched) -> tuple[float, float, float, float, int]:
    now = time.perf_counter(), watched.servers.seconds(), watched.load_cpu_s(), used_seconds(watched.cores)
    return *now, await count()
