"""Rounds: each experiment with ours, then with each peer, and all of that again, so that a slow minute hits everybody alike."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.document import Row, Unit, make_row


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of one row."""

    row: str
    unit: Unit
    value: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run gave, and how busy the two cores were meanwhile: 1 is all the time."""

    samples: Sequence[Sample]
    servers_busy: float
    load_busy: float


Run = Callable[[float], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Something to measure: for each system (`ours` and its peers) what runs it once, for about so many seconds."""

    name: str
    runs: Mapping[str, Run]


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of one experiment with one system."""

    round: int
    experiment: str
    system: str
    reading: Reading


async def run_rounds(
    experiments: Sequence[Experiment], *, rounds: int, seconds: float, tell: Callable[[Turn], None]
) -> list[Turn]:
    """Run all *experiments* in each round; *tell* hears of each turn as it ends."""
    turns: list[Turn] = []
    for number in range(1, rounds + 1):
        for experiment in experiments:
            for system, run in experiment.runs.items():
                turns.append(Turn(number, experiment.name, system, await run(seconds)))
                tell(turns[-1])
    return turns


def gather_rows(turns: Sequence[Turn]) -> list[Row]:
    """Return the rows in the order in which they first came, each with its values in the order of the rounds."""
    values: dict[tuple[str, Unit], dict[str, list[float]]] = {}
    for turn in turns:
        for sample in turn.reading.samples:
            systems = values.setdefault((sample.row, sample.unit), {})
            systems.setdefault(turn.system, []).append(sample.value)
    return [make_row(name, unit, systems) for (name, unit), systems in values.items()]


def gather_busy(turns: Sequence[Turn]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return by experiment and system how busy (the servers' core, the load's core) was at most."""
    busy: dict[str, dict[str, tuple[float, float]]] = {}
    for turn in turns:
        systems = busy.setdefault(turn.experiment, {})
        servers, load = systems.get(turn.system, (0.0, 0.0))
        systems[turn.system] = (max(servers, turn.reading.servers_busy), max(load, turn.reading.load_busy))
    return busy
