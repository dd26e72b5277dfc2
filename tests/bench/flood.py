"""Far more sends than a gateway can take: what becomes of them, and of the gateway's memory meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import psutil

from tests.bench.crowd import OPEN_S, WARM_S
from tests.bench.ledger import Ledger
from tests.bench.load.flooder import Flooder
from tests.bench.load.texts import Texts
from tests.bench.rooms import Rooms
from tests.bench.window import Window, settle, watch, without_gc
from tests.bench.writers import Writers

TICK_S, LOOK_S, SETTLED_S = 0.01, 0.25, 2.0
UNREAD_S = 120.0  # for what the gateway has left unread


@dataclass(frozen=True, slots=True)
class Surge:
    """What a flood came to: its window, how many sends were refused in it, and the gateway's resident bytes.

    *doubtful*: so many refusals, from beginning to end, left the outcome unknown. *memory* is looked at every quarter of a
    second of the window, *before* it once, *after* it when all was answered.
    """

    window: Window
    refused: int
    doubtful: int
    before: int
    memory: Sequence[int]
    after: int


async def run_flood(writers: Writers, rooms: Rooms, texts: Texts, senders: int, per_second: float, seconds: float) -> Surge:
    """Have so many *senders* try to send *per_second* together, for so long.

    Raises:
        Failed: a send was neither acknowledged nor refused as too much, or what is stored is not what was acknowledged.
    """
    ledger, gateway = Ledger(), psutil.Process(writers.pids[0])
    await writers.database.empty()
    async with _seated(writers, rooms, texts, senders, ledger) as flooders:
        before = gateway.memory_info().rss
        with without_gc():
            async with asyncio.TaskGroup() as group:
                pouring = group.create_task(_pour(flooders, per_second))
                await asyncio.sleep(WARM_S)
                memory: list[int] = []
                looking = group.create_task(_look(gateway, memory))
                refused = -ledger.refused
                window = await watch(ledger, writers.chat.meter, writers.chat.cores, seconds)
                refused += ledger.refused
                looking.cancel()
                pouring.cancel()
            await settle(ledger, UNREAD_S)
        await asyncio.sleep(SETTLED_S)
        after = gateway.memory_info().rss
    await writers.database.check(ledger)
    return Surge(window, refused, len(ledger.doubtful), before, memory, after)


async def _pour(flooders: Sequence[Flooder], per_second: float) -> None:
    """Have each flooder send its share at even distances, until cancelled."""
    due, owed, share = time.perf_counter(), 0.0, per_second * TICK_S / len(flooders)
    while True:
        owed += share
        for flooder in flooders:
            flooder.send(int(owed))
        owed -= int(owed)
        due = max(due + TICK_S, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())


async def _look(process: psutil.Process, memory: list[int]) -> None:
    """Add to *memory* what *process* has, until cancelled."""
    while True:
        memory.append(process.memory_info().rss)
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _seated(
    writers: Writers, rooms: Rooms, texts: Texts, senders: int, ledger: Ledger
) -> AsyncIterator[Sequence[Flooder]]:
    async with AsyncExitStack() as stack:
        flooders = []
        async with asyncio.timeout(OPEN_S):
            for number in range(senders):
                user, conversations = rooms.seat(number, senders)
                flooders.append(Flooder(ledger, conversations, texts.endless()))
                stack.callback(flooders[-1].close)
                await flooders[-1].open(writers.gateways[0], user)
        yield flooders
