"""Measures this machine on a system of its own: connections, then sends with few deliveries, then with many."""

import asyncio
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle

from deploy.capacity.model import LOOPBACK_ENDS, Measured, Stretch, solve
from deploy.capacity.system import RATES_OFF, Running, all_serve, own_system
from deploy.capacity.usage import cpu_s, kernel_bytes, pss_bytes, slabs, spent
from deploy.swarm.delays import quantile_ms
from deploy.swarm.errors import Failed
from deploy.swarm.herd import Door, Herd, open_herd
from deploy.swarm.rooms import make_rooms
from deploy.swarm.seating import Seating
from deploy.swarm.talk import open_talk
from shared.auth import sign

FIRST, CONNECT_S, REST_S, SETTLE_S, TTL_S = 100, 90.0, 2.0, 30.0, 3600
# The kernel's own objects for a connection that is open; other kinds grow by what the machine does besides.
SOCKET_SLABS = ("TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq", "nf_conntrack")
TEXTS = (
    b'"yes, that works now, thanks!"',
    b'"anyone here?"',
    b'"I would look at the log first"',
    b'"how do I mount the other partition so that everybody can write to it?"',
    b'"lol"',
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much to measure with. Halls are large conversations, pairs are of two."""

    hall_guests: int = 2_000
    hall_size: int = 100
    pairs: int = 200
    hall_sends: float = 60.0
    pair_sends: float = 600.0
    seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured, and how long people waited while it was: (from a send's due time) to its acknowledgement, to sight."""

    measured: Measured
    waits_ms: Mapping[str, float]
    sends: int
    deliveries: int


async def measure(scale: Scale, tell: Callable[[str], None]) -> Found:
    """Measure; what was started is stopped, however it ends.

    Raises:
        Failed: the system does not come up, or did something wrong.
    """
    scale = fitting(scale, _raise_files())
    tell("starting a system: Postgres, Valkey, a router, a write and a read gateway")
    async with own_system(1, 1, RATES_OFF) as running:
        await all_serve(running, 1, 1)
        return await _Measuring(scale, running, tell).run()


def fitting(scale: Scale, files: int) -> Scale:
    """Return *scale* with no more guests than a relay has files for, at two each."""
    room = (files - 1_000) // 2 - 2 * scale.pairs
    guests = min(scale.hall_guests, room) // scale.hall_size * scale.hall_size
    if guests < scale.hall_size:
        raise Failed(f"a process may open {files} files here, which is too few to measure with: ulimit -n 8192")
    return Scale(guests, scale.hall_size, scale.pairs, scale.hall_sends, scale.pair_sends, scale.seconds)


def _raise_files() -> int:
    """Take what files we may have; return how many that is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


@dataclass(slots=True)
class _Measuring:
    scale: Scale
    running: Running
    tell: Callable[[str], None]

    async def run(self) -> Found:
        run = f"capacity-{os.getpid()}"
        first = Seating(f"{run}-first", FIRST, 1)
        halls = Seating(f"{run}-halls", self.scale.hall_guests, self.scale.hall_guests // self.scale.hall_size)
        pairs = Seating(f"{run}-pairs", 2 * self.scale.pairs, self.scale.pairs)
        async with AsyncExitStack() as stack:
            rest = await self._watch(0, 0)
            self.tell(f"connecting {first.guests + halls.guests + pairs.guests:,} clients through the router")
            rooms = [await self._make(seating) for seating in (first, halls, pairs)]
            await self._seat(stack, first)
            before = await self._memory()
            herds = [await self._seat(stack, seating) for seating in (halls, pairs)]
            after = await self._memory()
            self.tell(f"leaving them idle for {self.scale.seconds:.0f} s")
            connected = first.guests + halls.guests + pairs.guests
            idle = await self._watch(connected, self.scale.seconds)
            few = await self._talk(stack, pairs, rooms[2], self.scale.pair_sends, herds[1], connected)
            many = await self._talk(stack, halls, rooms[1], self.scale.hall_sends, herds[0], connected)
        many_guests = halls.guests + pairs.guests
        grown = {name: (after[name] - before[name]) / many_guests for name in after}
        services = {name: grown[name] for name in ("read", "router")}
        costs = solve(rest, idle, few[0], many[0])
        measured = Measured(costs, services, grown["kernel"] / LOOPBACK_ENDS, before["fixed"])
        waits = {f"few_{name}": ms for name, ms in few[1].items()} | {f"many_{name}": ms for name, ms in many[1].items()}
        return Found(measured, waits, few[0].sends + many[0].sends, few[0].deliveries + many[0].deliveries)

    async def _make(self, seating: Seating) -> list[str]:
        return await make_rooms(self.running.write, self.running.local.admin_key, seating)

    async def _seat(self, stack: AsyncExitStack, seating: Seating) -> Herd:
        herd = await stack.enter_async_context(open_herd(seating.guests))
        await herd.begin(seating, Door([self.running.read], self.running.local.jwt_key))
        await herd.until_live(seating.guests, CONNECT_S)
        return herd

    async def _memory(self) -> dict[str, float]:
        """Return the bytes of the services, of the whole system, and of the kernel."""
        await asyncio.sleep(REST_S)
        of = self._by_service(pss_bytes)
        kinds = slabs()
        kernel = sum(kinds.get(kind, 0) for kind in SOCKET_SLABS) if kinds else kernel_bytes()["slab"]
        return of | {"fixed": sum(of.values()), "kernel": float(kernel)}

    async def _watch(self, connections: int, seconds: float) -> Stretch:
        seconds = seconds or REST_S
        before, began = self._by_service(cpu_s), time.monotonic()
        await asyncio.sleep(seconds)
        used = spent(before, self._by_service(cpu_s))
        return Stretch(time.monotonic() - began, connections, 0, 0, used)

    async def _talk(
        self, stack: AsyncExitStack, seating: Seating, rooms: Sequence[str], rate: float, herd: Herd, connected: int
    ) -> tuple[Stretch, dict[str, float]]:
        """Talk to *rooms* at *rate*; see that everybody has everything."""
        self.tell(f"{rate:,.0f} sends a second to conversations of {seating.mean_size:.0f}, for {self.scale.seconds:.0f} s")
        tokens = [sign(self.running.local.jwt_key, seating.speaker(n), TTL_S, time.time()) for n in range(seating.speakers)]
        talk = await stack.enter_async_context(open_talk([self.running.write], tokens, rooms, cycle(TEXTS)))
        before, began = self._by_service(cpu_s), time.monotonic()
        await talk.run(rate, self.scale.seconds)
        await talk.answered(SETTLE_S)
        report = await herd.until_delivered(talk.ledger, SETTLE_S, self.running.local.postgres_url)
        used = spent(before, self._by_service(cpu_s))
        stretch = Stretch(time.monotonic() - began, connected, talk.ledger.acked, report.delivered, used)
        acks, sights = talk.ledger.delays.take(), report.delays
        return stretch, {
            f"{name}_p{int(100 * share)}": quantile_ms(steps, share)
            for name, steps in (("ack", acks), ("sight", sights))
            for share in (0.5, 0.99)
        }

    def _by_service(self, read: Callable[[int], float]) -> dict[str, float]:
        """Return what *read* tells of each service's processes, added up."""
        out: dict[str, float] = {}
        for name, pid in self.running.local.processes.items():
            service = name.partition("-")[0]
            out[service] = out.get(service, 0.0) + read(pid)
        return out
