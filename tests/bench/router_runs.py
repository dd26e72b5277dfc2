"""What the rows of the router's benchmark are measured by."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from router.simulation import Plan, simulate
from router.table import Shape, make_table
from tests.bench.cores import pinned
from tests.bench.cpu import used_seconds
from tests.bench.document import Unit
from tests.bench.failure import Failed
from tests.bench.rounds import Busy, Reading, Run, Sample
from tests.bench.router_ground import write_sources
from tests.bench.router_systems import System, Systems

TRIPS = Unit("round trips/s", is_higher_better=True)
CPU = Unit("CPU-µs of the machine", is_higher_better=False)
CONNECTS = Unit("connections/s", is_higher_better=True)
BYTES = Unit("bytes a connection", is_higher_better=False)
PART = Unit("% of clients", is_higher_better=False)
TIMES = Unit("times the mean", is_higher_better=False)
SECONDS = Unit("s", is_higher_better=False)
CONNECTIONS, SLOTS, IDLE, CROWD = 64, 64, 4_000, 10_000
IDLE_BUSY = Busy(0.0, 0.0, 0.0)
WAIT_S = 90.0


@dataclass(frozen=True, slots=True)
class Window:
    """So many things in so many seconds, and what all of the machine worked meanwhile."""

    count: int
    seconds: float
    machine_cpu_s: float
    busy: Busy

    @property
    def cpu_us(self) -> float:
        return self.machine_cpu_s / self.count * 1e6


@asynccontextmanager
async def loading(
    systems: Systems, system: System, mode: str, connections: int, seconds: float, sources: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the load, and yield it when it has its connections and waits for a word."""
    words = [mode, system.way.target, str(system.port), str(sources or systems.sources(system.way)), str(connections)]
    with systems.ground.clients.inside(), pinned(systems.stage.cores.load):
        pipe = asyncio.subprocess.PIPE
        load = await asyncio.create_subprocess_exec(systems.load, *words, str(seconds), stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        await _line(load)
        yield load
    finally:
        if load.returncode is None:
            load.kill()
            await load.wait()


async def tell(load: asyncio.subprocess.Process) -> Any:
    """Give the load its word; return what it says at its end."""
    assert load.stdin is not None
    load.stdin.write(b"go\n")
    return json.loads(await _line(load))


async def watch(systems: Systems, system: System, mode: str, connections: int, seconds: float) -> Window:
    async with loading(systems, system, mode, connections, seconds) as load:
        cores, meter = systems.stage.cores, system.meter
        before, own = used_seconds(cores), meter.seconds()
        said = await tell(load)
        used, servers = used_seconds(cores) - before, meter.seconds() - own
    if not said["count"]:
        raise Failed("nothing came back")
    lasted, cpu = said["seconds"], said["cpu_s"]
    busy = Busy(servers / lasted, cpu / lasted, max(0.0, used - servers - cpu) / lasted)
    return Window(said["count"], lasted, used, busy)


def trips(systems: Systems, name: str, row: str) -> Run:
    async def run(seconds: float) -> Reading:
        window = await watch(systems, systems.by_name[name], "trips", CONNECTIONS, seconds)
        return Reading([Sample(row, TRIPS, window.count / window.seconds)], window.busy)

    return run


def connects(systems: Systems, name: str, row: str) -> Run:
    async def run(seconds: float) -> Reading:
        window = await watch(systems, systems.by_name[name], "connects", SLOTS, seconds)
        return Reading([Sample(row, CONNECTS, window.count / window.seconds)], window.busy)

    return run


def cost(systems: Systems, name: str, row: str) -> Run:
    """Measure what a round trip costs the machine beyond the direct one, before and after which are measured too."""

    async def run(seconds: float) -> Reading:
        direct, system = systems.by_name["direct"], systems.by_name[name]
        before = await watch(systems, direct, "trips", CONNECTIONS, seconds / 2)
        window = await watch(systems, system, "trips", CONNECTIONS, seconds)
        after = await watch(systems, direct, "trips", CONNECTIONS, seconds / 2)
        spread = abs(before.cpu_us - after.cpu_us)
        more = window.cpu_us - (before.cpu_us + after.cpu_us) / 2
        return Reading([Sample(row, CPU, max(more, spread))], window.busy)

    return run


def memory(systems: Systems, name: str, row: str) -> Run:
    async def run(seconds: float) -> Reading:
        system = systems.by_name[name]
        async with loading(systems, system, "hold", IDLE, seconds):
            await asyncio.sleep(0.5)
            used = system.memory()
        return Reading([Sample(row, BYTES, used / IDLE)], IDLE_BUSY)

    return run


@dataclass(slots=True)
class Flight:
    """10,000 clients of one gateway, which is killed: when the first of them is on another, and when the last is."""

    systems: Systems
    row: str
    first_back: float = 0.0

    def flee(self, name: str) -> Run:
        async def run(seconds: float) -> Reading:
            systems, system = self.systems, self.systems.by_name[name]
            systems.wait_until_whole(name)
            sources = write_sources(systems.stage.folder / f"doomed-{name}.txt", iter(_doomed(system)))
            with systems.alone(name):
                async with loading(systems, system, "hold", CROWD, seconds, sources) as load:
                    systems.doomed.kill()
                    said = await tell(load)
                systems.doomed.wait()
                systems.revive()
                systems.wait_until_whole(name)
            self.first_back = said["first_back"]
            return Reading([Sample(self.row, SECONDS, said["all_back"])], IDLE_BUSY)

        return run

    def ideal(self) -> Run:
        async def run(seconds: float) -> Reading:
            window = await watch(self.systems, self.systems.by_name["direct"], "connects", 256, seconds)
            least = self.first_back + CROWD * window.seconds / window.count
            return Reading([Sample(self.row, SECONDS, least)], window.busy)

        return run


def _doomed(system: System) -> Sequence[str]:
    """Return the addresses whose gateway is the first one."""
    spots = [f"{host}:{port}" for host, port in system.way.spots()]
    table = make_table(dict.fromkeys(spots, 1), Shape())
    addresses = (f"{system.way.sources}.{n >> 8}.{n & 255}" for n in range(1, 65_535))
    return [address for address in addresses if table.owner(table.bucket(IPv4Address(address))) == spots[0]]


# What the table itself promises.


def ours_of_table() -> Run:
    async def run(_: float) -> Reading:
        goes, comes = _moved()
        unique = [IPv4Address("10.0.0.0") + n for n in random.Random(time.time_ns()).sample(range(1 << 24), CROWD)]
        behind = [unique[n % 25] if n % 5 < 2 else unique[n] for n in range(CROWD)]
        plain = simulate(Plan(8, 0, 0, 0.25), unique, Shape())
        crowded = simulate(Plan(8, 0, 0, 0.25), behind, Shape())
        samples = [
            Sample("moved when one of 8 goes", PART, goes),
            Sample("moved when one of 8 comes", PART, comes),
            Sample("busiest to mean, shares of 65,536 buckets, 8 gateways", TIMES, plain.busiest["buckets"]),
            Sample("busiest to mean, 10,000 addresses", TIMES, plain.busiest["ring"]),
            Sample("busiest to mean, 40 % behind 25 addresses", TIMES, crowded.busiest["bounded"]),
        ]
        return Reading(samples, IDLE_BUSY)

    return run


def ideal_of_table() -> Run:
    async def run(_: float) -> Reading:
        chosen = Counter(random.choices(range(8), k=CROWD))
        samples = [
            Sample("moved when one of 8 goes", PART, 12.5),
            Sample("moved when one of 8 comes", PART, 12.5),
            Sample("busiest to mean, shares of 65,536 buckets, 8 gateways", TIMES, 1.0),
            Sample("busiest to mean, 10,000 addresses", TIMES, max(chosen.values()) * 8 / CROWD),
            Sample("busiest to mean, 40 % behind 25 addresses", TIMES, 1.0),
        ]
        return Reading(samples, IDLE_BUSY)

    return run


def _moved() -> tuple[float, float]:
    """Return what moves when the gateway goes whose going moves most, and likewise comes, in percent."""
    names, shape = [f"gateway-{n}" for n in range(1, 9)], Shape()
    whole = make_table(dict.fromkeys(names, 1), shape)
    rest = [make_table({name: 1 for name in names if name != gone}, shape) for gone in names]
    return tuple(  # type: ignore[return-value]  # two of them
        100 * max(len(one.difference(other)) for one, other in pairs) / shape.buckets
        for pairs in ([(whole, less) for less in rest], [(less, whole) for less in rest])
    )


async def _line(load: asyncio.subprocess.Process) -> bytes:
    assert load.stdout is not None
    assert load.stderr is not None
    async with asyncio.timeout(WAIT_S):
        line = await load.stdout.readline()
        if not line:
            said = (await load.stderr.read()).decode().strip()
            raise Failed(f"the load ended: {said.splitlines()[-1] if said else 'it said nothing'}")
    return line
