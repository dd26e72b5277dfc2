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


async def watch(ledger: Ledger, meter: Meter, seconds: float) -> Window:
    """Watch a run for so long.

    Raises:
        Failed: nothing was delivered meanwhile, or something that must not be.
    """
    cpu_s, load_s, began = meter.seconds(), time.process_time(), time.perf_counter()
    acked, delivered = ledger.acked, ledger.delivered
    await asyncio.sleep(seconds)
    took, load_used, servers_used = time.perf_counter() - began, time.process_time() - load_s, meter.seconds() - cpu_s
    window = Window(
        took, servers_used, load_used, ledger.acked - acked, ledger.delivered - delivered, ledger.delays[delivered:]
    )
    if ledger.faults or not window.delivered:
        ledger.check()
        raise Failed(f"nothing was delivered in {seconds:.1f} s")
    return window


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
