"""How long a connection is waited for: at its start, in a head, in a body, between requests, at its end."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf


class Phase(StrEnum):
    """Where a connection is, as far as its peer's bytes go."""

    SILENT = "silent"
    HEAD = "head"
    BODY = "body"
    WORKING = "working"
    IDLE = "idle"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. *body_s* is the longest pause in a body, which must also come at *body_bytes_per_s* or faster."""

    head_s: float = 10.0
    body_s: float = 10.0
    keep_alive_s: float = 75.0
    unread_s: float = 30.0
    linger_s: float = 2.0
    body_bytes_per_s: int = 256

    @property
    def sweep_s(self) -> float:
        """How often to look: a deadline is passed by this at most."""
        return min(1.0, min(self.head_s, self.body_s, self.keep_alive_s, self.unread_s, self.linger_s) / 4)


class Patience:
    """The phase of one connection and its deadline; *now* is any clock that only rises, in seconds."""

    __slots__ = ("_began", "_bytes", "_deadline", "_timeouts", "phase")

    def __init__(self, timeouts: Timeouts, now: float) -> None:
        self._timeouts = timeouts
        self._began = now
        self._bytes = 0
        self.phase = Phase.SILENT
        self._deadline = now + timeouts.head_s

    def __repr__(self) -> str:
        return f"Patience({self.phase})"

    def is_over(self, now: float) -> bool:
        return now > self._deadline

    def begin(self, now: float) -> None:
        """A request's first byte is here; each further one of its head leaves the deadline as it is."""
        if self.phase is not Phase.HEAD:
            self._enter(Phase.HEAD, now + self._timeouts.head_s)

    def take_head(self, now: float) -> None:
        self._began, self._bytes = now, 0
        self._enter(Phase.BODY, now + self._timeouts.body_s)

    def take_body(self, size: int, now: float) -> None:
        """*size* bytes of the body are here. A trickle does not put off the end for ever."""
        timeouts = self._timeouts
        self._bytes += size
        slowest = self._began + timeouts.body_s + self._bytes / timeouts.body_bytes_per_s
        self._deadline = min(now + timeouts.body_s, slowest)

    def work(self) -> None:
        """The request is whole: from here on it is we who are waited for."""
        self._enter(Phase.WORKING, inf)

    def rest(self, now: float) -> None:
        """All requests are answered."""
        self._enter(Phase.IDLE, now + self._timeouts.keep_alive_s)

    def excuse(self, now: float) -> None:
        """We did not read: what is late is not the peer's fault."""
        if self.phase is Phase.HEAD:
            self._deadline = now + self._timeouts.head_s
        elif self.phase is Phase.BODY:
            self._began, self._bytes = now, 0
            self._deadline = now + self._timeouts.body_s

    def close(self, now: float, within_s: float) -> None:
        """We have closed it, or are about to; doing so again changes nothing."""
        if self.phase is not Phase.CLOSING:
            self._enter(Phase.CLOSING, now + within_s)

    def _enter(self, phase: Phase, deadline: float) -> None:
        self.phase = phase
        self._deadline = deadline
