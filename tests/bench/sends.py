"""Sends flat out, with nobody who reads: each acknowledgement checked as it comes, and in the end beside what is stored."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

from tests.bench.crowd import OPEN_S, WARM_S
from tests.bench.ledger import Ledger
from tests.bench.load.lines import FreshLine, TwiceLine
from tests.bench.load.sender import Line, Message, PostLine, Sender, SocketLine
from tests.bench.load.texts import Texts
from tests.bench.pace import Watched
from tests.bench.pulse import Pulse, run_pulse
from tests.bench.rooms import Rooms
from tests.bench.window import Window, settle, watch, without_gc
from tests.bench.writers import Writers


class By(StrEnum):
    """What a sender sends by."""

    SOCKET = "a socket"
    POST = "a kept connection"
    NEW_CONNECTIONS = "a new connection for each send"


@dataclass(frozen=True, slots=True)
class Load:
    """So many *senders*, each with *in_flight* sends on their way, spread over the first *gateways*.

    *is_twice*: each send goes through the next gateway too, at once.
    """

    senders: int
    in_flight: int = 1
    by: By = By.SOCKET
    gateways: int = 1
    is_twice: bool = False


@dataclass(frozen=True, slots=True)
class Spell:
    """What a load gave: the window, and the processor time that gateways and Postgres took for a send."""

    window: Window
    cpu_us_a_send: float


async def run_sends(writers: Writers, rooms: Rooms, load: Load, texts: Texts, seconds: float) -> Spell:
    """Run *load* for *seconds* after it has warmed up.

    Raises:
        Failed: an acknowledgement is not as it must be, or what is stored is not what was acknowledged.
    """
    ledger = Ledger(times=2 if load.is_twice else 1)
    await writers.database.empty()
    async with _seated(writers, rooms, load, ledger, texts.endless()) as senders:
        with without_gc():
            for sender in senders:
                sender.begin(load.in_flight)
            try:
                await asyncio.sleep(WARM_S)
                spell = await _watch(writers, load, ledger, seconds)
            finally:
                for sender in senders:
                    sender.stop()
            await settle(ledger)
    await writers.database.check(ledger)
    return spell


async def _watch(writers: Writers, load: Load, ledger: Ledger, seconds: float) -> Spell:
    meter, began = writers.meter(load.gateways), time.perf_counter()
    before = meter.seconds()
    window = await watch(ledger, writers.chat.meter, writers.chat.cores, seconds)
    share = (meter.seconds() - before) / (time.perf_counter() - began)
    return Spell(window, 1e6 * share * window.seconds / window.acked)


@asynccontextmanager
async def _seated(
    writers: Writers, rooms: Rooms, load: Load, ledger: Ledger, texts: Iterator[bytes]
) -> AsyncIterator[Sequence[Sender]]:
    """Connect everybody; in the end close all."""
    with ExitStack() as stack:
        senders = []
        async with asyncio.timeout(OPEN_S):
            for number in range(load.senders):
                user, conversations = rooms.seat(number, load.senders)
                line = await _open_line(writers, load, ledger, number, user)
                stack.callback(line.close)
                senders.append(Sender(line, ledger, conversations, 0, texts))
        yield senders


async def _open_line(writers: Writers, load: Load, ledger: Ledger, number: int, user: str) -> Line:
    if not load.is_twice:
        return await _connect(writers, load, ledger, number, user)
    first, second = [await _connect(writers, load, ledger, number + n, user) for n in range(2)]
    return TwiceLine(first, second)


async def _connect(writers: Writers, load: Load, ledger: Ledger, number: int, user: str) -> Line:
    dialect, gateway = writers.chat.dialect, writers.gateways[number % load.gateways]
    if load.by is By.SOCKET:
        return await SocketLine(dialect, ledger).open(gateway, user)
    kind = PostLine if load.by is By.POST else FreshLine
    return await kind(dialect, ledger).open(gateway, user)


async def run_idle(writers: Writers, rooms: Rooms, texts: Texts, seconds: float) -> Pulse:
    """Send one at a time, each when the one before it was acknowledged; check as `run_sends` does."""
    ledger, words = Ledger(), texts.endless()
    await writers.database.empty()
    user, conversations = rooms.seat(0, 1)
    line = await SocketLine(writers.chat.dialect, ledger).open(writers.gateways[0], user)

    async def say() -> None:
        done = asyncio.get_running_loop().create_future()
        message = Message(conversations[0], str(uuid4()), next(words))
        ledger.send(message.id, message.conversation, 0, time.perf_counter(), lambda: done.set_result(None))
        line.transmit([message])
        await done

    try:
        pulse = await run_pulse(say, Watched(writers.chat.meter, writers.chat.cores), seconds)
    finally:
        line.close()
    ledger.check()
    await writers.database.check(ledger)
    return pulse
