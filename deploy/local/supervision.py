"""When a child that died is started again; in which order, and by when, all are stopped. A pure core."""

from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
SETTLED_AFTER_S = 15.0
# Who stops together, and the seconds after the order to stop by which they have: what one leaves over, the next one has.
STOPS = ((("router",), 3.0), (("write", "read", "both"), 7.0), (("redis",), 8.0), (("postgres",), 9.9))


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


def stop_groups(names: Iterable[str]) -> list[tuple[list[str], float]]:
    """Return *names* in the groups that are stopped one after another, each with its deadline in seconds from the first."""
    kinds = {name: name.partition("-")[0] for name in names}
    groups = [(sorted(name for name, kind in kinds.items() if kind in stopping), by_s) for stopping, by_s in STOPS]
    return [(group, by_s) for group, by_s in groups if group]
