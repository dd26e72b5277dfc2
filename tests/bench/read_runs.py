"""What the rows of the read benchmark are measured by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.bench.document import OURS
from tests.bench.fanout import Fanout, Flow, run_fanout
from tests.bench.floor import PARTS, Floor, add_up
from tests.bench.houses import House, Readers, Shape
from tests.bench.idle import Idle, run_idle
from tests.bench.load.address import Address
from tests.bench.load.texts import Texts
from tests.bench.pace import Watched
from tests.bench.pulse import Pulse
from tests.bench.relays import STARLETTE, start_starlette
from tests.bench.rescue import CAUGHT_UP, run_handshakes, run_rescue
from tests.bench.rounds import Reading, Run, Sample
from tests.bench.stage import Stage
from tests.bench.units import (
    CONNECTION_BYTES,
    DELIVERIES,
    IDLE_CPU,
    PER_GATEWAY_CPU_SECOND,
    PER_WHOLE_CPU_SECOND,
    PERCENT,
    PUSH_DELAY,
    SECONDS,
)

FLOOR, HANDSHAKES = "floor", "bare handshakes"
LONGER = 2.0  # of each second asked for: what goes at a pace says little in a short time

Runs = Mapping[str, Run]


@dataclass(slots=True)
class ReadRuns:
    """Our system and its peers on a stage."""

    stage: Stage
    readers: Readers
    peers: Mapping[str, House]
    texts: Texts
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def fanout(self, row: str, shape: Shape, flow: Flow, peers: Sequence[str]) -> Runs:
        """Ours, and of *peers* those that could be had."""
        houses = {OURS: self.readers.house} | {peer: self.peers[peer] for peer in peers if peer in self.peers}
        return {system: self._fanout(row, house, shape, flow) for system, house in houses.items()}

    def idle(self, row: str, cpu_row: str, shape: Shape) -> Runs:
        async def ours(seconds: float) -> Reading:
            idle = await self._idle_ours(shape, LONGER * seconds)
            return Reading(_idle_samples(row, cpu_row, idle), idle.busy)

        async def starlette(seconds: float) -> Reading:
            async with self.stage.inner() as stage:
                idle = await run_idle(await start_starlette(stage), shape, self.texts, LONGER * seconds)
            return Reading(_idle_samples(row, cpu_row, idle), idle.busy)

        return {OURS: ours, STARLETTE: starlette}

    def crowd(self, row: str, shape: Shape) -> Runs:
        """As `idle`, ours alone, with one message to everybody in the end."""

        async def run(seconds: float) -> Reading:
            idle = await self._idle_ours(shape, LONGER * seconds)
            push = [
                Sample(f"{row}: a push to each", PER_GATEWAY_CPU_SECOND, shape.users / idle.push_cpu_s),
                Sample(f"{row}: a push to each, until the last has it", SECONDS, idle.push_s),
            ]
            return Reading([*_idle_samples(f"{row}: memory", f"{row}: idle CPU", idle), *push], idle.busy)

        return {OURS: run}

    def latency(self, row: str, shape: Shape, flow: Flow, floor: Floor, watched: Watched) -> Runs:
        """Ours, the floor, and the parts that it was added up from in the same round."""

        async def ours(seconds: float) -> Reading:
            fanout = await run_fanout(self.readers.house, shape, flow, self.texts, LONGER * seconds)
            return Reading(read_percentiles(row, sorted(fanout.window.delays)), fanout.busy)

        parts: dict[str, Pulse] = {}

        async def least(seconds: float) -> Reading:
            parts.update(await floor.measure(watched, LONGER * seconds))
            delays = add_up([pulse.delays for pulse in parts.values()])
            return Reading(read_percentiles(row, delays), parts[PARTS[0]].busy)

        def part(name: str) -> Run:
            async def run(seconds: float) -> Reading:
                return Reading(read_percentiles(row, parts[name].delays), parts[name].busy)

            return run

        return {OURS: ours, FLOOR: least} | {f"{name} alone": part(name) for name in PARTS}

    def resume(self, row: str, shape: Shape, echo: Address, watched: Watched) -> Runs:
        noticed: list[float] = []

        async def ours(seconds: float) -> Reading:
            async with self.stage.inner() as stage:
                doomed = await self._start_reader(stage)
                rescue = await run_rescue(doomed, self.readers.house, shape, self.texts)
            noticed.append(rescue.noticed_s)
            share, shared_row = rescue.from_postgres, f"{row}, events from Postgres"
            told = [] if share is None else [Sample(shared_row, PERCENT, 100 * share)]
            if share is None:
                self.stage.found[shared_row] = f"left out: the gateway counted none as {CAUGHT_UP}"
            return Reading([Sample(row, SECONDS, rescue.whole_s), *told], rescue.busy)

        async def handshakes(seconds: float) -> Reading:
            lap = await run_handshakes(echo, watched, shape.users)
            return Reading([Sample(row, SECONDS, noticed[-1] + lap.seconds)], lap.busy)

        return {OURS: ours, HANDSHAKES: handshakes}

    def _fanout(self, row: str, house: House, shape: Shape, flow: Flow) -> Run:
        async def run(seconds: float) -> Reading:
            return _read_fanout(row, await run_fanout(house, shape, flow, self.texts, seconds))

        return run

    async def _idle_ours(self, shape: Shape, seconds: float) -> Idle:
        async with self.stage.inner() as stage:
            return await run_idle(await self._start_reader(stage), shape, self.texts, seconds)

    async def _start_reader(self, stage: Stage) -> House:
        return await self.readers.start(stage, f"read-{next(self._numbers)}")


def _read_fanout(row: str, fanout: Fanout) -> Reading:
    window = fanout.window
    samples = [
        Sample(row, PER_GATEWAY_CPU_SECOND, window.delivered / window.servers_cpu_s),
        Sample(row, DELIVERIES, window.delivered / window.seconds),
        Sample(row, PER_WHOLE_CPU_SECOND, window.delivered / fanout.whole_cpu_s),
    ]
    return Reading(samples, fanout.busy)


def _idle_samples(row: str, cpu_row: str, idle: Idle) -> list[Sample]:
    return [Sample(row, CONNECTION_BYTES, idle.bytes_a_connection), Sample(cpu_row, IDLE_CPU, idle.cpu_us_a_second)]


def read_percentiles(row: str, delays: Sequence[float]) -> list[Sample]:
    """Return the samples of *delays*, which ascend, in seconds."""
    shares = {"p50": 0.5, "p99": 0.99}
    return [Sample(f"{row} {name}", PUSH_DELAY, 1_000 * delays[int(share * len(delays))]) for name, share in shares.items()]
