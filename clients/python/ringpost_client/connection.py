"""A service's connection that is kept up for ever: what happened in, what to do out. A pure core.

One line after the other; after `moved`, the next one before the last one ends. `clients/vectors` plays it in both languages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.closing import TOKEN_EXPIRED, comes_back
from ringpost_client.line import Line, Output
from ringpost_client.outbox import Pending

MOVE_BASE_S, MOVE_CAP_S = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a socket and tell how that went: `opened`, `failed` or `refused`."""

    line: int


@dataclass(frozen=True, slots=True)
class Close:
    """Say goodbye and let go of this socket, opened or not; nothing of it is to be told any more."""

    line: int


@dataclass(frozen=True, slots=True)
class ForgetToken:
    """The token has expired: the next socket wants another one."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The service says not to come back: *code* is the close code, or the HTTP status of a refused handshake."""

    code: int
    reason: str


Step = Connect | Close | ForgetToken | Stop | Output


class Connection:
    """*make* makes a session; True: one that takes over. *chance* draws from 0 to 1, once for each wait.

    Each call takes the time, in seconds of any clock that never goes back, and returns what to do, in order. `wakes_at` is when
    `tick` is wanted. `without_socket_s` adds up the time between a line that had its welcome and the next one that has; `moves`
    counts the lines that took over from one that still stood, `connects` the others.
    """

    def __init__(
        self,
        make: Callable[[bool], s.Session],
        backoff: Backoff,
        chance: Callable[[], float],
        ack_timeout_s: float,
        *,
        is_renewable: bool,
    ) -> None:
        self._make, self._backoff, self._chance = make, backoff, chance
        self._ack_timeout_s, self._is_renewable = ack_timeout_s, is_renewable
        self._numbers = 0
        self._line: Line | None = None
        self._second: Line | None = None
        self._moving: Backoff | None = None
        self._connect_at = self._move_at = inf
        self._retry_after_s, self._spread_s, self._retry_at = 0.0, 0.0, -inf
        self._lost_at: float | None = None
        self.connects = self.moves = 0
        self.without_socket_s = 0.0

    @property
    def can_write(self) -> bool:
        """Whether it is up and takes sends."""
        return self._line is not None and self._line.session.can_write

    @property
    def line(self) -> int | None:
        """The number of the line that serves."""
        return self._line.number if self._line is not None else None

    @property
    def wakes_at(self) -> float:
        return min(self._connect_at, self._move_at, *(line.wakes_at for line in self._lines), inf)

    @property
    def _lines(self) -> list[Line]:
        return [line for line in (self._line, self._second) if line is not None]

    def start(self, now: float) -> list[Step]:
        return self._connect()

    def opened(self, number: int, token: str, now: float) -> list[Step]:
        """The handshake is done; *token* is for the hello."""
        line = self._of(number)
        if line is None:
            return []
        self.connects += line is self._line
        return [*line.open(token, now)]

    def failed(self, number: int, reason: str, retry_after_s: float | None, now: float) -> list[Step]:
        """There was no way through."""
        line = self._of(number)
        if line is None:
            return []
        if line is self._second:
            self._try_again(retry_after_s, now)
            return []
        self._retry_after_s = retry_after_s or 0.0
        return self._leave(reason, now)

    def refused(self, number: int, code: int, reason: str, now: float) -> list[Step]:
        """The handshake was refused for good."""
        return self._stop(number, code, reason) if self._of(number) is not None else []

    def received(self, number: int, frame: Any, now: float) -> list[Step]:
        """Take a frame; None for one that was not JSON."""
        line = self._of(number)
        if line is None:
            return []
        output = line.receive(frame, now)
        for action in output:
            self._note(action, now)
        return [*output, *self._steer(now)]

    def closed(self, number: int, code: int, reason: str, now: float) -> list[Step]:
        """The socket has ended; 1006: without a close frame."""
        line = self._of(number)
        if line is None:
            return []
        forgotten: list[Step] = [ForgetToken()] if code == TOKEN_EXPIRED else []
        if line is self._second:
            return forgotten + self._lose_second(line, now)
        if self._second is not None and self._second.session.is_settled:
            return forgotten + self._take_over(self._second, now)
        self._lost_at = now if line.is_welcome else self._lost_at
        if comes_back(code) or (code == TOKEN_EXPIRED and self._is_renewable):
            return forgotten + self._leave(f"{reason or 'the connection ended'} ({code})", now)
        return forgotten + self._stop(number, code, reason)

    def renewed(self, number: int, token: str | None, now: float) -> list[Step]:
        """A token was fetched; None: there was none to be had now."""
        line = self._of(number)
        if line is None:
            return []
        if token is None:
            line.miss_token(now)
            return []
        return [*line.show(token)]

    def offered(self, pending: Pending, now: float) -> list[Step]:
        """A send is in the outbox, and stored; if no line is up, the next one sends it."""
        return [*self._line.offer(pending, now)] if self._line is not None else []

    def hinted(self, now: float) -> list[Step]:
        """The network may have come, gone or changed: come back sooner, or ask whether the peer is there."""
        if self._connect_at < inf:
            self._backoff.reset()
            wait_s = self._backoff.next(self._chance(), self._retry_at - now, self._spread_s)
            self._connect_at = min(self._connect_at, now + wait_s)
        return [*self._line.doubt(now)] if self._line is not None else []

    def tick(self, now: float) -> list[Step]:
        """Do what is due."""
        steps: list[Step] = [step for line in self._lines for step in line.tick(now)]
        if now >= self._connect_at:
            steps += self._connect()
        if now >= self._move_at:
            steps += self._open_second()
        return steps + self._steer(now)

    def hold(self) -> None:
        """The app reads no further for now."""
        if self._line is not None:
            self._line.hold()

    def release(self, now: float) -> None:
        if self._line is not None:
            self._line.release(now)

    # Coming back.

    def _connect(self) -> list[Step]:
        self._connect_at, self._retry_after_s = inf, 0.0
        self._line = self._next_line(takes_over=False)
        return [Connect(self._line.number)]

    def _leave(self, reason: str, now: float) -> list[Step]:
        """No line is left: come back after a pause."""
        steps: list[Step] = [*self._drop(), s.Away(reason)]
        self._retry_at = now + self._retry_after_s
        self._connect_at = now + self._backoff.next(self._chance(), self._retry_after_s, self._spread_s)
        return steps

    def _stop(self, number: int, code: int, reason: str) -> list[Step]:
        others = [line.number for line in self._lines if line.number != number]
        self._drop()
        return [*(Close(other) for other in others), Stop(code, reason)]

    def _drop(self) -> list[Step]:
        closes: list[Step] = [Close(self._second.number)] if self._second is not None else []
        self._line = self._second = self._moving = None
        self._move_at = inf
        return closes

    # Make before break.

    def _steer(self, now: float) -> list[Step]:
        """Go on with a move: nothing is sent while what is in flight is answered on the old line, so that no send overtakes."""
        line, second = self._line, self._second
        if line is None:
            return []
        if line.moved is not None and self._moving is None:
            self._plan(line.moved, now)
        if second is None or not second.session.is_settled:
            return []
        if second.session.gateway == line.session.gateway:
            self._try_again(None, now)
            return [Close(second.number)]
        line.session.hold()
        if line.session.is_waiting:
            return []
        return [*self._take_over(second, now), Close(line.number)]

    def _plan(self, moved: s.Moved, now: float) -> None:
        self._moving = Backoff(MOVE_BASE_S, MOVE_CAP_S)
        self._move_at = now + moved.retry_after_s + self._chance() * min(moved.spread_s, moved.within_s / 2)

    def _open_second(self) -> list[Step]:
        self._move_at = inf
        self._second = self._next_line(takes_over=True)
        return [Connect(self._second.number)]

    def _try_again(self, retry_after_s: float | None, now: float) -> None:
        assert self._moving is not None, "a second line is opened for a move"
        self._second = None
        self._move_at = now + self._moving.next(self._chance(), retry_after_s)

    def _take_over(self, second: Line, now: float) -> list[Step]:
        self._line, self._second, self._moving = second, None, None
        self.moves += 1
        steps: list[Step] = [*second.take_over(now)]
        if second.moved is not None:
            self._plan(second.moved, now)
        return steps

    def _lose_second(self, second: Line, now: float) -> list[Step]:
        if second.session.is_settled and self._line is not None:
            # The first has held back sends, which the next one takes from the outbox.
            self._second = None
            return [*self._line.cut()]
        self._try_again(None, now)
        return []

    def _note(self, action: Output, now: float) -> None:
        if isinstance(action, s.Welcomed):
            self._spread_s = action.spread_s
            if self._lost_at is not None:
                self.without_socket_s += now - self._lost_at
                self._lost_at = None
        elif isinstance(action, s.Dismissed):
            self._retry_after_s = action.retry_after_s
            self._spread_s = self._spread_s if action.spread_s is None else action.spread_s

    def _next_line(self, *, takes_over: bool) -> Line:
        self._numbers += 1
        return Line(self._numbers, self._make(takes_over), self._backoff, self._chance, self._ack_timeout_s)

    def _of(self, number: int) -> Line | None:
        return next((line for line in self._lines if line.number == number), None)
