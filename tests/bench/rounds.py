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
class Busy:
    """How much the servers, the load and whatever else ran on their cores took of one core: 1 is all of it."""

    servers: float
    load: float
    others: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run gave, and how busy the two cores were meanwhile."""

    samples: Sequence[Sample]
    busy: Busy


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


def gather_busy(turns: Sequence[Turn]) -> dict[str, dict[str, Busy]]:
    """Return by experiment and system what each took at most."""
    busy: dict[str, dict[str, Busy]] = {}
    for turn in turns:
        systems, now = busy.setdefault(turn.experiment, {}), turn.reading.busy
        before = systems.get(turn.system, now)
        systems[turn.system] = Busy(
            max(before.servers, now.servers), max(before.load, now.load), max(before.others, now.others)
        )
    return busy
