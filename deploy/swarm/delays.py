"""Delays in steps of two in a hundred, which processes can add up. A pure core."""

import math
from collections import Counter
from collections.abc import Mapping

_STEP = math.log(1.02)
LEAST_NS = 1_000


def step_of(delay_ns: int) -> int:
    """Return the number of the step that a delay falls in; all below a microsecond are in the first."""
    return int(math.log(max(delay_ns, LEAST_NS) / LEAST_NS) / _STEP)


def quantile_ms(steps: Mapping[int, int], share: float) -> float:
    """Return the delay, in milliseconds, that so much of all of them was at most; 0 where there was none."""
    left = share * sum(steps.values())
    for step in sorted(steps):
        left -= steps[step]
        if left <= 0:
            return LEAST_NS * math.exp((step + 1) * _STEP) / 1e6
    return 0.0


class Delays:
    """Counts delays by step."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps: Counter[int] = Counter()

    def add(self, delay_ns: int, many: int = 1) -> None:
        self.steps[step_of(delay_ns)] += many

    def take(self) -> Counter[int]:
        """Return what was counted, and begin anew."""
        taken, self.steps = self.steps, Counter()
        return taken
