"""A stretch of time in the middle of a run, and what came of it."""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.cores import Cores
from tests.bench.cpu import Meter, used_seconds
from tests.bench.failure import Failed
from tests.bench.ledger import Ledger
from tests.bench.rounds import Busy

SETTLE_S, LOOK_S = 20.0, 0.02


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two moments. *delays* are those of the deliveries, in seconds."""

    seconds: float
    servers_cpu_s: float
    load_cpu_s: float
    others_cpu_s: float
    acked: int
    delivered: int
    delays: Sequence[float]

    @property
    def busy(self) -> Busy:
        return Busy(self.servers_cpu_s / self.seconds, self.load_cpu_s / self.seconds, self.others_cpu_s / self.seconds)

    def delay_ms(self, share: float) -> float:
        """Return the delay that the *share* of the deliveries did not exceed."""
        return 1_000 * sorted(self.delays)[min(len(self.delays) - 1, int(share * len(self.delays)))]


@dataclass(frozen=True, slots=True)
class _Moment:
    """What had happened by a moment."""

    servers_cpu_s: float
    load_cpu_s: float
    all_cpu_s: float
    at: float
    acked: int
    delivered: int


def _look(ledger: Ledger, meter: Meter, cores: Cores) -> _Moment:
    return _Moment(
        meter.seconds(), time.process_time(), used_seconds(cores), time.perf_counter(), ledger.acked, ledger.delivered
    )


async def watch(ledger: Ledger, meter: Meter, cores: Cores, seconds: float) -> Window:
    """Watch a run for so long.

    Raises:
        Failed: nothing came of it meanwhile, or something that must not.
    """
    begin = _look(ledger, meter, cores)
    await asyncio.sleep(seconds)
    end = _look(ledger, meter, cores)
    if ledger.faults or (end.acked, end.delivered) == (begin.acked, begin.delivered):
        ledger.check()
        raise Failed(f"nothing was acknowledged or delivered in {seconds:.1f} s")
    servers_s, load_s = end.servers_cpu_s - begin.servers_cpu_s, end.load_cpu_s - begin.load_cpu_s
    return Window(
        end.at - begin.at,
        servers_s,
        load_s,
        max(0.0, end.all_cpu_s - begin.all_cpu_s - servers_s - load_s),
        end.acked - begin.acked,
        end.delivered - begin.delivered,
        ledger.delays[begin.delivered : end.delivered],
    )


async def settle(ledger: Ledger, patience_s: float = SETTLE_S) -> None:
    """Wait for what is still under way, then check it all."""
    for _ in range(int(patience_s / LOOK_S)):
        if ledger.is_settled():
            break
        await asyncio.sleep(LOOK_S)
    ledger.check()


@contextmanager
def without_gc() -> Iterator[None]:
    """Keep the load's own garbage collection out of what is measured."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
