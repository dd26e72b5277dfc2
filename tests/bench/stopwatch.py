"""How long something took, and what the cores did meanwhile."""

import time
from dataclasses import dataclass

from tests.bench.cores import Cores
from tests.bench.cpu import Meter, used_seconds
from tests.bench.rounds import Busy


@dataclass(frozen=True, slots=True)
class Lap:
    """So many seconds, and the servers' processor time in them."""

    seconds: float
    servers_cpu_s: float
    busy: Busy


class Stopwatch:
    """Runs from when it is made on."""

    def __init__(self, servers: Meter, cores: Cores) -> None:
        self._servers, self._cores = servers, cores
        self._began = self._look()

    def lap(self) -> Lap:
        """Return what has been since it began."""
        seconds, servers, load, everything = (b - a for a, b in zip(self._began, self._look(), strict=True))
        others = max(0.0, everything - servers - load)
        return Lap(seconds, servers, Busy(servers / seconds, load / seconds, others / seconds))

    def _look(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), self._servers.seconds(), time.process_time(), used_seconds(self._cores)
