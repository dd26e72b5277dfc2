"""How fast newcomers can be admitted, as measured, and over how long a crowd is therefore to be spread. A pure core."""

from dataclasses import dataclass

LONGEST_SPREAD_S = 30.0
# Until more is known: so many sockets, so many a second. Half of what is known is forgotten whenever so many were admitted.
FIRST, FIRST_RATE, FORGET_AT = 50, 500.0, 4_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """The pool's other gateways that take newcomers, and how many connections one of the pool has, on average."""

    others: int = 0
    mean_connections: float = 0.0


class Admissions:
    """Counts the sockets between hello and welcome, and the time in which there was any.

    Their quotient is what this gateway admits a second. With many at once that is what it can do; with one at a time it is
    less, which errs on the side of a longer spread.
    """

    __slots__ = ("_admitted", "_busy_s", "_open", "_since", "fleet")

    def __init__(self) -> None:
        self._admitted, self._busy_s = float(FIRST), FIRST / FIRST_RATE
        self._open, self._since = 0, 0.0
        self.fleet = Fleet()

    @property
    def rate(self) -> float:
        """Sockets that this gateway admits in a second."""
        return self._admitted / self._busy_s

    def began(self, now: float) -> None:
        """A hello came."""
        if not self._open:
            self._since = now
        self._open += 1

    def ended(self, now: float, *, is_welcome: bool) -> None:
        """It was answered. A refusal tells nothing: it may have waited for a Postgres that is away."""
        self._open -= 1
        if is_welcome:
            self._admitted += 1
            self._busy_s += max(now - self._since, 0.0)
        self._since = now
        if self._admitted > FORGET_AT:
            self._admitted, self._busy_s = self._admitted / 2, self._busy_s / 2

    def spread_s(self, sockets: int) -> float:
        """Return within what time *sockets* that lost this gateway should come to the others; at most LONGEST_SPREAD_S."""
        return min(LONGEST_SPREAD_S, sockets / (self.rate * max(1, self.fleet.others)))

    def reconnect(self, sockets: int) -> dict[str, float]:
        """Return what clients are told to do if this gateway, with *sockets* or as many as is usual, is suddenly gone."""
        return {"spread_s": round(self.spread_s(max(sockets, int(self.fleet.mean_connections))), 2)}
