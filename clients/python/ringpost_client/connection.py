"""A service's connection that is kept up for ever: what happened in, what to do out. A pure core.

One line after the other; after `moved`, or for another transport, the next one before the last one ends. `clients/vectors`
plays it in both languages.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.closing import TOKEN_EXPIRED, comes_back, is_spoken
from ringpost_client.line import Line, Output
from ringpost_client.outbox import Pending
from ringpost_client.steps import Close, Connect, ForgetToken, Probe, Step, Stop
from ringpost_client.transport import Ladder, Transport

MOVE_BASE_S, MOVE_CAP_S = 0.1, 2.0


class Connection:
    """*make* makes a session; True: one that takes over. *chance* draws from 0 to 1, once for each wait.

    Each call takes the time, in seconds of any clock that never goes back, and returns what to do, in order. `wakes_at` is when
    `tick` is wanted. `without_socket_s` adds up the time between a line that had its welcome and the next one that has; `moves`
    counts the lines that took over from one that was told to move, `switches` those from one by another transport, `connects`
    all others that had their welcome.
    """

    def __init__(
        self,
        make: Callable[[bool], s.Session],
        backoff: Backoff,
        chance: Callable[[], float],
        ack_timeout_s: float,
        *,
        is_renewable: bool,
        ladder: Ladder | None = None,
    ) -> None:
        self._make, self._backoff, self._chance = make, backoff, chance
        self._ack_timeout_s, self._is_renewable = ack_timeout_s, is_renewable
        self._ladder = ladder or Ladder(chance)
        self._numbers = 0
        self._line: Line | None = None
        self._second: Line | None = None
        self._moving: Backoff | None = None  # a second line is to take over, however often it must be tried
        self._leaves = False  # the first one's gateway is about to stop: the second must be another's
        self._connect_at = self._move_at = inf
        self._retry_after_s, self._spread_s, self._retry_at = 0.0, 0.0, -inf
        self._lost_at: float | None = None
        self.connects = self.moves = self.switches = 0
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
    def via(self) -> Transport | None:
        """What the line that serves reads by; None while there is none."""
        return self._line.via if self._line is not None and self._line.is_welcome else None

    @property
    def wakes_at(self) -> float:
        climb_at = self._ladder.climb_at if self._may_climb else inf
        return min(self._connect_at, self._move_at, climb_at, *(line.wakes_at for line in self._lines), inf)

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
        return [*line.open(token, now)]

    def failed(self, number: int, reason: str, retry_after_s: float | None, now: float) -> list[Step]:
        """There was no way through."""
        line = self._of(number)
        if line is None:
            return []
        if line is self._second:
            return self._give_up_second(retry_after_s, now)
        self._retry_after_s = retry_after_s or 0.0
        return [*self._leave(reason, now), *self._blame()]

    def blocked(self, number: int, code: int, reason: str, now: float) -> list[Step]:
        """Something that is not the service refused it, with this HTTP status: with another transport it may go."""
        if self._ladder.has_choice:
            return self.failed(number, reason, None, now)
        return self.refused(number, code, reason, now)

    def refused(self, number: int, code: int, reason: str, now: float) -> list[Step]:
        """The handshake was refused for good."""
        return self._stop(number, code, reason) if self._of(number) is not None else []

    def received(self, number: int, frame: Any, now: float) -> list[Step]:
        """Take a frame; None for one that was not JSON."""
        line = self._of(number)
        if line is None:
            return []
        is_new = not line.is_welcome
        output = line.receive(frame, now)
        for action in output:
            self._note(action, now)
        if line is self._line:
            self.connects += is_new and line.is_welcome
            self._approve(line, output)
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
            left = self._leave(f"{reason or 'the connection ended'} ({code})", now)
            return [*forgotten, *left, *self._judge(line, code)]
        return forgotten + self._stop(number, code, reason)

    def probed(self, is_answered: bool, now: float) -> list[Step]:
        """Plain HTTP was answered, or was not."""
        if not self._ladder.answer(is_answered, now) or self._line is None:
            return []
        return [Close(self._line.number), *self._drop(), *self._connect()]

    def choose(self, rungs: Sequence[Transport], now: float) -> list[Step]:
        """Read by these from now on, the best one first; where the line that stands is by another one, the next takes over."""
        self._ladder.choose(rungs, self.via or self._ladder.current, now)
        return [*self._call_off(), *self._steer(now)]

    def renewed(self, number: int, token: str | None, now: float) -> list[Step]:
        """A token was fetched; None: there was none to be had now."""
        line = self._of(number)
        if line is None:
            return []
        if token is None:
            line.miss_token(now)
            return []
        if line.via is Transport.SSE:
            # Nobody can be told on a stream: another one is opened with it.
            return self._replace() if line is self._line and self._may_climb else []
        return [*line.show(token)]

    def offered(self, pending: Pending, now: float) -> list[Step]:
        """A send is in the outbox, and stored; if no line is up, the next one sends it."""
        return [*self._line.offer(pending, now)] if self._line is not None else []

    def hinted(self, now: float) -> list[Step]:
        """The network may have come, gone or changed: come back sooner, or ask whether the peer is there."""
        self._ladder.hint(now)
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
            steps += self._open_second(self._ladder.current)
        if self._may_climb and now >= self._ladder.climb_at:
            steps += self._climb(self._ladder.climb(), now)
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
        self._line = self._next_line(self._ladder.current, takes_over=False)
        return [Connect(self._line.number, self._line.via)]

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
        self._leaves, self._move_at = False, inf
        return closes

    # By what it reads.

    @property
    def _may_climb(self) -> bool:
        return self._line is not None and self._line.session.is_settled and self._second is None and self._moving is None

    def _approve(self, line: Line, output: Sequence[Output]) -> None:
        if line.session.is_settled:
            self._ladder.settle()
        if any(isinstance(action, s.Alive) for action in output):
            self._ladder.prove()

    def _judge(self, line: Line, code: int) -> list[Step]:
        """Was it the transport's fault that this line has ended? Not if the service said why, nor if all went well before."""
        if line.fell_silent or not (line.session.is_settled or is_spoken(code)):
            return self._blame()
        self._ladder.prove()
        return []

    def _blame(self) -> list[Step]:
        return [Probe()] if self._ladder.fail() else []

    def _climb(self, via: Transport | None, now: float) -> list[Step]:
        if via is None:
            self._ladder.stay(now)
            return []
        return self._open_second(via)

    def _replace(self) -> list[Step]:
        """Have another line take over, by what is to be read by now."""
        self._moving = Backoff(MOVE_BASE_S, MOVE_CAP_S)
        return self._open_second(self._ladder.current)

    def _call_off(self) -> list[Step]:
        """Let go of a second line that was for another transport."""
        if self._second is None or self._leaves:
            return []
        number, self._second, self._moving = self._second.number, None, None
        return [Close(number)]

    # Make before break.

    def _steer(self, now: float) -> list[Step]:
        """Go on with a move: nothing is sent while what is in flight is answered on the old line, so that no send overtakes."""
        line = self._line
        if line is None:
            return []
        steps: list[Step] = []
        if line.moved is not None and not self._leaves:
            steps += self._plan(line.moved, now)
        elif self._may_climb and line.via is not self._ladder.current:
            steps += self._replace()
        return steps + self._pass_over(line, now)

    def _pass_over(self, line: Line, now: float) -> list[Step]:
        second = self._second
        if second is None or not second.session.is_settled:
            return []
        if self._leaves and second.session.gateway == line.session.gateway:
            return [Close(second.number), *self._give_up_second(None, now)]
        line.session.hold()
        if line.session.is_waiting:
            return []
        return [*self._take_over(second, now), Close(line.number)]

    def _plan(self, moved: s.Moved, now: float) -> list[Step]:
        closes: list[Step] = [Close(self._second.number)] if self._second is not None else []
        self._second, self._moving, self._leaves = None, Backoff(MOVE_BASE_S, MOVE_CAP_S), True
        self._move_at = now + moved.retry_after_s + self._chance() * min(moved.spread_s, moved.within_s / 2)
        return closes

    def _open_second(self, via: Transport) -> list[Step]:
        self._move_at = inf
        self._second = self._next_line(via, takes_over=True)
        return [Connect(self._second.number, via)]

    def _give_up_second(self, retry_after_s: float | None, now: float) -> list[Step]:
        """The second came to nothing: it is tried again, or, where it was to be a better one, the next best."""
        self._second = None
        if self._moving is None:
            return self._climb(self._ladder.next_better(), now)
        self._move_at = now + self._moving.next(self._chance(), retry_after_s)
        return []

    def _take_over(self, second: Line, now: float) -> list[Step]:
        if self._moving is None:
            self._ladder.rise(second.via, now)
        self.moves += self._leaves
        self.switches += self._line is not None and self._line.via is not second.via
        self._line, self._second, self._moving, self._leaves = second, None, None, False
        self._ladder.settle()
        steps: list[Step] = [*second.take_over(now)]
        if second.moved is not None:
            steps += self._plan(second.moved, now)
        return steps

    def _lose_second(self, second: Line, now: float) -> list[Step]:
        if second.session.is_settled and self._line is not None:
            # The first has held back sends, which the next one takes from the outbox.
            self._second = None
            return [*self._line.cut()]
        return self._give_up_second(None, now)

    def _note(self, action: Output, now: float) -> None:
        if isinstance(action, s.Welcomed):
            self._spread_s = action.spread_s
            if self._lost_at is not None:
                self.without_socket_s += now - self._lost_at
                self._lost_at = None
        elif isinstance(action, s.Dismissed):
            self._retry_after_s = action.retry_after_s
            self._spread_s = self._spread_s if action.spread_s is None else action.spread_s

    def _next_line(self, via: Transport, *, takes_over: bool) -> Line:
        self._numbers += 1
        return Line(self._numbers, self._make(takes_over), self._backoff, self._chance, self._ack_timeout_s, via)

    def _of(self, number: int) -> Line | None:
        return next((line for line in self._lines if line.number == number), None)
