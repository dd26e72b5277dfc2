"""By what a client reads and writes, when it does with less, and when it tries for more. A pure core."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from math import inf

TRIES = 2


class Transport(StrEnum):
    """What carries a service's frames: a read service's the first three, a write service's a WebSocket or POSTs."""

    WS = "ws"
    SSE = "sse"
    POLL = "poll"
    POST = "post"


AUTO = (Transport.WS, Transport.SSE, Transport.POLL)
WRITING = (Transport.WS, Transport.POST)


class Ladder:
    """The transports, the best one first, and the one to use now.

    One rung down after TRIES lines in a row that came to nothing while plain HTTP was answered after each: a service that is
    away answers neither, and pushes nobody down. From the last one it goes on with the first. Up again is tried after a pause
    that grows from *base_s* to *cap_s*; *chance* draws from 0 to 1, once for each pause.
    """

    def __init__(
        self,
        chance: Callable[[], float],
        rungs: Sequence[Transport] = (Transport.WS,),
        base_s: float = 30.0,
        cap_s: float = 600.0,
    ) -> None:
        self._chance, self._base_s, self._cap_s = chance, base_s, cap_s
        self._rungs, self._at = tuple(rungs), 0
        self._failures, self._climbs = 0, 0
        self._is_asking = False
        self._better: list[Transport] = []
        self.climb_at = inf

    def __repr__(self) -> str:
        return f"Ladder({self.current} of {', '.join(self._rungs)})"

    @property
    def current(self) -> Transport:
        return self._rungs[self._at]

    @property
    def has_choice(self) -> bool:
        return len(self._rungs) > 1

    def choose(self, rungs: Sequence[Transport], serving: Transport, now: float) -> None:
        """Read by these from now on. With several, go on where one is and try at once for more."""
        self._rungs = tuple(rungs)
        self._failures, self._climbs, self._is_asking = 0, 0, False
        self._at = self._rungs.index(serving) if serving in self._rungs else 0
        self.climb_at = now if self._at else inf

    # Down.

    def fail(self) -> bool:
        """A line came to nothing, or fell silent. Return whether it is to be asked if plain HTTP is answered."""
        asks = self.has_choice and not self._is_asking
        self._is_asking = self._is_asking or asks
        return asks

    def answer(self, is_answered: bool, now: float) -> bool:
        """Plain HTTP was answered, or was not. Return whether that led down."""
        if not self._is_asking:
            return False
        self._is_asking = False
        self._failures = self._failures + 1 if is_answered else 0
        if self._failures < TRIES:
            return False
        self._failures, self._at = 0, (self._at + 1) % len(self._rungs)
        self._plan(now)
        return True

    def settle(self) -> None:
        """A line has come to stand: whatever was the matter before is over."""
        self._is_asking = False

    def prove(self) -> None:
        """The line that stands was heard from again, or ended for a reason of its own."""
        self._failures = 0
        if not self._at:
            self._climbs = 0

    # Up.

    def climb(self) -> Transport | None:
        """Begin to try for more: return what to try first, if there is anything better."""
        self._better = list(self._rungs[: self._at])
        return self.next_better()

    def next_better(self) -> Transport | None:
        """Return what to try after one that came to nothing; None: stay for now."""
        return self._better.pop(0) if self._better else None

    def stay(self, now: float) -> None:
        """Nothing better is to be had."""
        self._plan(now)

    def rise(self, to: Transport, now: float) -> None:
        """Another line stands, by a better one."""
        self._at, self._failures = self._rungs.index(to), 0
        self._plan(now)

    def hint(self, now: float) -> None:
        """It may be another network."""
        self._climbs = 0
        if self._at:
            self.climb_at = min(self.climb_at, now + self._base_s)

    def _plan(self, now: float) -> None:
        """Say when to try for more: after half of the pause to all of it."""
        self.climb_at = inf
        if self._at:
            pause_s = min(self._cap_s, self._base_s * 2.0 ** min(self._climbs, 60))
            self.climb_at = now + pause_s * (1 + self._chance()) / 2
            self._climbs += 1
