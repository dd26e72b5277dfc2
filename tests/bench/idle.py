"""What connections cost that are only there: memory, and the processor time of their heartbeats; and a push to all of them."""

import asyncio
from dataclasses import dataclass

import psutil

from tests.bench.audience import an_audience, seats_of, speakers
from tests.bench.houses import House, Shape
from tests.bench.ledger import Ledger
from tests.bench.load.texts import Texts
from tests.bench.rounds import Busy
from tests.bench.stopwatch import Stopwatch
from tests.bench.window import settle, without_gc

FIRST, REST_S = 100, 1.0


@dataclass(frozen=True, slots=True)
class Idle:
    """What a connection costs. *push_s*: how long one message to everybody took, and *push_cpu_s* of the gateway's time."""

    bytes_a_connection: float
    cpu_us_a_second: float
    push_s: float
    push_cpu_s: float
    busy: Busy


async def run_idle(house: House, shape: Shape, texts: Texts, seconds: float) -> Idle:
    """Connect everybody to a process that has had no connection yet, and leave them idle for *seconds*.

    Memory is what the process grows by after its first hundred connections.
    """
    ledger, groups, process = Ledger(), await house.groups(shape), psutil.Process(house.pid)
    seats = seats_of(groups)
    async with an_audience(house, ledger) as audience:
        await audience.admit(seats[:FIRST])
        await asyncio.sleep(REST_S)
        before = process.memory_info().rss
        await audience.admit(seats[FIRST:])
        await asyncio.sleep(REST_S)
        grown = process.memory_info().rss - before
        watch = Stopwatch(house.gateway, house.chat.cores)
        await asyncio.sleep(seconds)
        lap = watch.lap()
        async with speakers(house, groups, ledger, texts) as volleys:
            with without_gc():
                cpu_s = house.gateway.seconds()
                for volley in volleys:
                    volley.fire(1)
                await settle(ledger)
                push_s = max(ledger.delays)
                cpu_s = house.gateway.seconds() - cpu_s
    users = len(seats)
    idle_cpu_us = 1e6 * lap.servers_cpu_s / lap.seconds / users
    return Idle(grown / (users - FIRST), idle_cpu_us, push_s, cpu_s, lap.busy)
