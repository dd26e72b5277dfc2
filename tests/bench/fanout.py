"""Messages to rooms of connected users, flat out or at a pace, each delivery checked."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from tests.bench.audience import an_audience, seats_of, speakers
from tests.bench.houses import House, Shape
from tests.bench.ledger import Ledger
from tests.bench.load.texts import Texts
from tests.bench.load.volley import Volley
from tests.bench.rounds import Busy
from tests.bench.window import Window, settle, watch, without_gc

WARM_S = 0.5


@dataclass(frozen=True, slots=True)
class Flow:
    """Flat out, each room gets *volley* messages together, the next ones when everybody has them; or *per_second* in all."""

    volley: int = 1
    per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Fanout:
    """A window in which the servers are the process that delivers, alone; and the time of the whole system beside it."""

    window: Window
    whole_cpu_s: float

    @property
    def busy(self) -> Busy:
        """How busy the cores were, the whole system taken for the servers."""
        window, more = self.window, self.whole_cpu_s - self.window.servers_cpu_s
        return Busy(
            self.whole_cpu_s / window.seconds,
            window.load_cpu_s / window.seconds,
            max(0.0, window.others_cpu_s - more) / window.seconds,
        )


async def run_fanout(house: House, shape: Shape, flow: Flow, texts: Texts, seconds: float) -> Fanout:
    """Run *flow* for *seconds* after it has warmed up; raise Failed if any delivery is not as it must be."""
    ledger, groups = Ledger(), await house.groups(shape)
    async with an_audience(house, ledger) as audience:
        await audience.admit(seats_of(groups))
        async with speakers(house, groups, ledger, texts) as volleys:
            with without_gc():
                stop = begin(volleys, flow)
                try:
                    await asyncio.sleep(WARM_S)
                    whole = house.chat.meter.seconds()
                    window = await watch(ledger, house.gateway, house.chat.cores, seconds)
                    whole = house.chat.meter.seconds() - whole
                finally:
                    stop()
                await settle(ledger)
    return Fanout(window, max(whole, window.servers_cpu_s))


def begin(volleys: Sequence[Volley], flow: Flow) -> Callable[[], object]:
    """Let the volleys begin as *flow* says; return what stops them."""
    if flow.per_second:
        return asyncio.create_task(keep_pace(volleys, flow.per_second)).cancel
    for volley in volleys:
        volley.begin(flow.volley)

    def stop() -> None:
        for volley in volleys:
            volley.stop()

    return stop


async def keep_pace(volleys: Sequence[Volley], per_second: float) -> None:
    """Fire one message by turns at even distances, whatever comes of them, until cancelled."""
    due = time.perf_counter()
    for volley in cycle(volleys):
        due += 1 / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        volley.fire(1)
