"""When a child that died is started again, and in which order all are stopped. A pure core."""

from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
SETTLED_AFTER_S = 30.0
STOP_ORDER = ("router", "write", "read", "both", "redis", "postgres")


@dataclass(slots=True)
class Supervision:
    """The pauses before restarts: each is twice the one before, until a child has lived for a while."""

    _started_at: dict[str, float] = field(default_factory=dict)
    _pauses: dict[str, float] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)

    def started(self, name: str, now: float) -> None:
        self._started_at[name] = now
        self._due.pop(name, None)

    def died(self, name: str, now: float) -> float:
        """Return the pause until *name* is started again, in seconds."""
        if now - self._started_at[name] >= SETTLED_AFTER_S:
            self._pauses.pop(name, None)
        pause = self._pauses.get(name, FIRST_PAUSE_S)
        self._pauses[name] = min(LONGEST_PAUSE_S, pause * 2)
        self._due[name] = now + pause
        return pause

    def due(self, now: float) -> list[str]:
        """Return who is to be started now."""
        return [name for name, at in self._due.items() if at <= now]


def stop_groups(names: Iterable[str]) -> list[list[str]]:
    """Return *names* in the groups that are stopped one after another: routers, gateways, Valkey, Postgres."""
    kinds: dict[int, list[str]] = {}
    for name in names:
        place = STOP_ORDER.index(name.partition("-")[0])
        kinds.setdefault(1 if place in (1, 2, 3) else place, []).append(name)
    return [sorted(kinds[place]) for place in sorted(kinds)]
