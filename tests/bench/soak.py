"""A read gateway under an even load for a long time, with people who come and go: its memory, looked at again and again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import psutil

from tests.bench.audience import Seat, an_audience, seats_of, speakers
from tests.bench.fanout import Flow, begin
from tests.bench.houses import House, Shape
from tests.bench.ledger import Ledger
from tests.bench.load.receiver import Receiver, Tellings
from tests.bench.load.texts import Texts
from tests.bench.window import Window, settle, watch, without_gc

WARM_S, LOOK_S, COMING_S, STAY_S = 5.0, 1.0, 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Soak:
    """The gateway's resident memory, second by second, in bytes; the deliveries; and how many came and went."""

    memory: Sequence[int]
    window: Window
    visits: int


class Visitors:
    """People who have a second socket for five seconds, ten new ones a second. Nobody checks what these get."""

    def __init__(self, house: House, seats: Sequence[Seat]) -> None:
        self._house, self._seats = house, cycle(seats)
        self._unchecked = Ledger()
        self.visits = 0

    async def come_and_go(self) -> None:
        """Let them come until cancelled."""
        async with asyncio.TaskGroup() as visiting:
            while True:
                visiting.create_task(self._visit(*next(self._seats)))
                await asyncio.sleep(COMING_S)

    async def _visit(self, user: str, conversations: Sequence[str]) -> None:
        receiver = Receiver(self._house.chat.dialect, self._unchecked, Tellings(self._house.chat.dialect, self._unchecked))
        try:
            await receiver.open(self._house.chat.read, user, conversations)
            await asyncio.sleep(STAY_S)
        finally:
            receiver.close()
        self.visits += 1


async def run_soak(house: House, shape: Shape, flow: Flow, texts: Texts, seconds: float) -> Soak:
    """Run *flow* for *seconds*; raise Failed if any delivery to those who stay is not as it must be."""
    ledger, groups = Ledger(), await house.groups(shape)
    visitors, memory = Visitors(house, seats_of(groups)), list[int]()
    async with an_audience(house, ledger) as audience:
        await audience.admit(seats_of(groups))
        async with speakers(house, groups, ledger, texts) as volleys:
            with without_gc():
                stop = begin(volleys, flow)
                works = [asyncio.create_task(visitors.come_and_go()), asyncio.create_task(_look(house.pid, memory))]
                try:
                    await asyncio.sleep(WARM_S)
                    memory.clear()
                    window = await watch(ledger, house.gateway, house.chat.cores, seconds)
                    _check(works)
                finally:
                    stop()
                    for work in works:
                        work.cancel()
                await settle(ledger)
    return Soak(memory, window, visitors.visits)


def _check(works: Sequence["asyncio.Task[None]"]) -> None:
    """Raise what ended a work that should go on."""
    for work in works:
        if work.done():
            work.result()


async def _look(pid: int, memory: list[int]) -> None:
    process = psutil.Process(pid)
    while True:
        memory.append(process.memory_info().rss)
        await asyncio.sleep(LOOK_S)
