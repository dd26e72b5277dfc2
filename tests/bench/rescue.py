"""A read gateway is killed; its clients come back to another one with their positions, and get what they missed."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.swarm.websocket import Socket, open_socket, text_frame
from tests.bench.audience import seats_of, speakers
from tests.bench.dialect import Opened, Ready, Refusal
from tests.bench.failure import Failed
from tests.bench.houses import House, Member, Shape
from tests.bench.ledger import InOrder, Ledger
from tests.bench.load.address import Address
from tests.bench.load.receiver import Tellings
from tests.bench.load.texts import Texts
from tests.bench.load.volley import Volley
from tests.bench.ours import encode
from tests.bench.pace import Watched
from tests.bench.rounds import Busy
from tests.bench.stopwatch import Lap, Stopwatch
from tests.bench.window import settle, without_gc
from tests.gateways import token

MISSED, AT_ONCE, OPEN_S, PATIENCE_S = 5, 100, 120.0, 60.0
CAUGHT_UP, SOURCE = "ringpost_read_catch_up_events_total", "source"


@dataclass(frozen=True, slots=True)
class Rescue:
    """From the kill on: until the last client knew, and until the last one had everything; events caught up by source."""

    noticed_s: float
    whole_s: float
    caught_up: Mapping[str, float]
    busy: Busy

    @property
    def from_postgres(self) -> float | None:
        """The share of the caught-up events that Postgres served; None where the gateway does not count them."""
        events = sum(self.caught_up.values())
        return self.caught_up.get("postgres", 0.0) / events if events else None


class Survivor:
    """A client that comes back at once, to the second address, with its positions."""

    def __init__(self, house: House, ledger: Ledger, tellings: Tellings, user: str, inbox: int) -> None:
        self._house, self._ledger, self._tellings = house, ledger, tellings
        self._user, self._inbox = user, inbox
        self._copy = InOrder({})
        self._ready = asyncio.Event()
        self._socket: Socket | None = None
        self.cut_at = 0.0
        self.refuge: Address | None = None

    async def open(self) -> None:
        """Connect, and return when all that comes from now on is live."""
        await self._connect(self._house.chat.read, {})
        await self._ready.wait()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    async def _connect(self, address: Address, positions: Mapping[str, int]) -> None:
        self._socket = socket = await open_socket(address, self._house.chat.dialect.socket_path)
        socket.on_text, socket.on_fault = self._hear, self._lose
        said = {"positions": positions} if positions else {}
        socket.write(text_frame(encode({"type": "hello", "token": token(self._user), "inbox": self._inbox} | said)))

    def _hear(self, payload: bytes) -> None:
        told = self._tellings.find(payload)
        if told is not None:
            self._ledger.deliver(self._copy, told, time.perf_counter())
        elif not self._ready.is_set():
            self._begin(payload)

    def _begin(self, payload: bytes) -> None:
        heard = self._house.chat.dialect.hear(payload)
        if isinstance(heard, Opened):
            self._copy = InOrder(heard.positions)
        elif isinstance(heard, Ready | Refusal):
            self._ready.set()

    def _lose(self, words: str) -> None:
        if self.cut_at or self.refuge is None:
            self._ledger.fault(words)
            return
        self.cut_at = time.perf_counter()
        self._coming = asyncio.create_task(self._come_back(self.refuge))

    async def _come_back(self, refuge: Address) -> None:
        try:
            await self._connect(refuge, self._copy.positions)
        except (Failed, OSError) as error:
            self._ledger.fault(f"a client could not come back: {error}")


async def run_rescue(first: House, second: House, shape: Shape, texts: Texts) -> Rescue:
    """Connect everybody to the *first* gateway, kill it, send messages to every group, and wait until all are whole.

    Raises:
        Failed: a client lacks an event, has one twice or out of turn, or was cut by the second gateway too.
    """
    ledger, groups = Ledger(), await first.groups(shape)
    tellings = Tellings(first.chat.dialect, ledger)
    clients = [Survivor(first, ledger, tellings, user, len(own)) for user, own in seats_of(groups)]
    with ExitStack() as stack:
        for client in clients:
            stack.callback(client.close)
        await _all_open(clients)
        async with speakers(first, groups, ledger, texts) as volleys:
            for volley in volleys:
                volley.fire(1)
            await settle(ledger)
            before = await read_sources(second.chat.read)
            with without_gc():
                lap, noticed = await _kill(first, second, clients, volleys, ledger)
    after = await read_sources(second.chat.read)
    caught_up = {source: count - before.get(source, 0.0) for source, count in after.items()}
    return Rescue(noticed, lap.seconds, caught_up, lap.busy)


async def _kill(
    first: House, second: House, clients: Sequence[Survivor], volleys: Sequence[Volley], ledger: Ledger
) -> tuple[Lap, float]:
    """Return what it took until all were whole, and how many seconds until all knew."""
    for client in clients:
        client.refuge = second.chat.read
    watch, began = Stopwatch(second.chat.meter, second.chat.cores), time.perf_counter()
    os.kill(first.pid, signal.SIGKILL)
    for volley in volleys:
        volley.fire(MISSED)
    await settle(ledger, PATIENCE_S)
    return watch.lap(), max(client.cut_at for client in clients) - began


async def _all_open(clients: Sequence[Survivor]) -> None:
    waiting = iter(clients)

    async def open_some() -> None:
        for client in waiting:
            await client.open()

    async with asyncio.timeout(OPEN_S), asyncio.TaskGroup() as opening:
        for _ in range(AT_ONCE):
            opening.create_task(open_some())


async def run_handshakes(address: Address, watched: Watched, count: int) -> Lap:
    """Return what so many upgrades take that begin at once, to a server of our edge that asks for nothing more."""
    with ExitStack() as stack, without_gc():
        watch = Stopwatch(watched.servers, watched.cores)
        async with asyncio.timeout(OPEN_S):
            sockets = await asyncio.gather(*(open_socket(address, Member.socket_path) for _ in range(count)))
        lap = watch.lap()
        for socket in sockets:
            stack.callback(socket.close)
    return lap


async def read_sources(address: Address) -> dict[str, float]:
    """Return how many events a read gateway has caught up so far, by where they came from; empty if it does not say."""
    async with httpx.AsyncClient() as client:
        return parse_sources((await client.get(f"http://{address.host}:{address.port}/metrics")).text)


def parse_sources(text: str) -> dict[str, float]:
    """Return the counts of the caught-up events by source, out of what Prometheus would read."""
    return {
        sample.labels[SOURCE]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == CAUGHT_UP and SOURCE in sample.labels
    }
