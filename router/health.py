"""What a router believes of one gateway, from one look after another. A pure core: time is an argument.

    active     gets new connections
    not ready  answers, and says that it can't serve now: no new connections, those that it has stay
    draining   says that it goes away: likewise
    down       does not answer

One odd look changes nothing: *fall* looks in a row that find a gateway not active take it out, *rise* looks in a row that find
it active take it back. Two things are believed at once: the first look, and a gateway's own word that it is draining.
Whoever falls again and again is held out, each time for longer.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    ACTIVE = "active"
    NOT_READY = "not ready"
    DRAINING = "draining"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """*falls* within *window_s* are forgiven but for the last one; it costs *hold_s*, and each one more twice as much."""

    rise: int = 2
    fall: int = 3
    falls: int = 3
    window_s: float = 300.0
    hold_s: float = 10.0
    most_hold_s: float = 160.0


@dataclass(slots=True)
class Health:
    """One gateway's health. *looked*: what the last look found, whatever is believed; *since*: when the belief began."""

    policy: HealthPolicy
    state: State
    since: float
    looked: State = State.DOWN
    held_until: float = 0.0
    _active: int = 0
    _inactive: int = 0
    _silent: int = 0
    _falls: deque[float] = field(default_factory=deque)

    def look(self, found: State, now: float) -> None:
        """Take what one more look found."""
        self.looked = found
        self._active = self._active + 1 if found is State.ACTIVE else 0
        self._inactive = 0 if found is State.ACTIVE else self._inactive + 1
        self._silent = self._silent + 1 if found is State.DOWN else 0
        believed = self._believe(now)
        if believed is not self.state:
            if self.state is State.ACTIVE and believed is not State.DRAINING:
                self._fell(now)
            self.state, self.since = believed, now

    def _believe(self, now: float) -> State:
        policy = self.policy
        if self.looked is State.DRAINING:
            return State.DRAINING
        if self._active >= policy.rise and now >= self.held_until:
            return State.ACTIVE
        if self._silent >= policy.fall and self.state is not State.DRAINING:
            return State.DOWN
        fell = self.state is State.ACTIVE and self._inactive >= policy.fall
        answers = self.state is State.DOWN and not self._silent
        return State.NOT_READY if fell or answers else self.state

    def _fell(self, now: float) -> None:
        while self._falls and now - self._falls[0] >= self.policy.window_s:
            self._falls.popleft()
        self._falls.append(now)
        excess = len(self._falls) - self.policy.falls
        if excess >= 0:
            self.held_until = now + min(self.policy.hold_s * 2**excess, self.policy.most_hold_s)
