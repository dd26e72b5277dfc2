"""A stretch of time in the middle of a run, and what came of it."""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.cpu import Meter
from tests.bench.failure import Failed
from tests.bench.ledger import Ledger

SETTLE_S, LOOK_S = 20.0, 0.02


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two moments. *delays* are those of the deliveries, in seconds."""

    seconds: float
    servers_cpu_s: float
    load_cpu_s: float
    acked: int
    delivered: int
    delays: Sequence[float]

    @property
    def servers_busy(self) -> float:
        return self.servers_cpu_s / self.seconds

    @property
    def load_busy(self) -> float:
        return self.load_cpu_s / self.seconds

    def delay_ms(self, share: float) -> float:
        """Return the delay that the *share* of the deliveries did not exceed."""
        return 1_000 * sorted(self.delays)[min(len(self.delays) - 1, int(share * len(self.delays)))]


@dataclass(frozen=True, slots=True)
class _Moment:
    """What had happened by a moment."""

    servers_cpu_s: float
    load_cpu_s: float
    at: float
    acked: int
    delivered: int


def _look(ledger: Ledger, meter: Meter) -> _Moment:
    return _Moment(meter.seconds(), time.process_time(), time.perf_counter(), ledger.acked, ledger.delivered)


async def watch(ledger: Ledger, meter: Meter, seconds: float) -> Window:
    """Watch a run for so long.

    Raises:
        Failed: nothing was delivered meanwhile, or something that must not be.
    """
    begin = _look(ledger, meter)
    await asyncio.sleep(seconds)
    end = _look(ledger, meter)
    if ledger.faults or end.delivered == begin.delivered:
        ledger.check()
        raise Failed(f"nothing was delivered in {seconds:.1f} s")
    return Window(
        end.at - begin.at,
        end.servers_cpu_s - begin.servers_cpu_s,
        end.load_cpu_s - begin.load_cpu_s,
        end.acked - begin.acked,
        end.delivered - begin.delivered,
        ledger.delays[begin.delivered : end.delivered],
    )


async def settle(ledger: Ledger) -> None:
    """Wait for what is still under way, then check it all."""
    for _ in range(int(SETTLE_S / LOOK_S)):
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
