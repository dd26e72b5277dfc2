"""What a benchmark is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.bench.rounds import Experiment
from tests.bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Bench:
    """A benchmark: what its page says, the packages whose versions matter, and what starts its systems on a stage."""

    title: str
    about: str
    packages: Sequence[str]
    prepare: Callable[[Stage], Awaitable[Sequence[Experiment]]]
