"""One socket from its handshake to its end: its session, and all that it does by the clock. A pure core."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.heartbeat import Heartbeat
from ringpost_client.outbox import Pending
from ringpost_client.transport import Transport

WELCOME_HEARTBEAT_S = 4.0  # until the welcome tells: 2.5 times that for it to come
RENEW_PAUSE_S = 4.0
PING: Mapping[str, Any] = {"type": "ping"}


@dataclass(frozen=True, slots=True)
class Send:
    """Send *frame* on line number *line*."""

    line: int
    frame: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """End the socket without a word; that it is closed is to be told."""

    line: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Fetch another token and tell; where tokens are for good, do nothing."""

    line: int


Output = Send | Cut | Renew | s.Action


class Line:
    """*backoff* is shared with the lines before and after; *chance* draws from 0 to 1."""

    def __init__(
        self,
        number: int,
        session: s.Session,
        backoff: Backoff,
        chance: Callable[[], float],
        ack_timeout_s: float,
        via: Transport = Transport.WS,
    ) -> None:
        self.number, self.session, self.via = number, session, via
        self._backoff, self._chance, self._ack_timeout_s = backoff, chance, ack_timeout_s
        self._heartbeat: Heartbeat | None = None
        self._pauses: dict[str, float] = {}
        self._waits_since, self._answered_at = inf, -inf
        self._renew_at, self._renewed_at = inf, -inf
        self._is_cut = self._is_held = False
        self.fell_silent = False
        self.moved: s.Moved | None = None

    @property
    def is_welcome(self) -> bool:
        return bool(self.session.roles)

    @property
    def wakes_at(self) -> float:
        """When `tick` has something to do, should nothing come before."""
        if self._heartbeat is None or self._is_cut:
            return inf
        times = [self._renew_at, *self._pauses.values()]
        if self.is_welcome:
            times.append(self._heartbeat.ping_at)
        if not self._is_held:
            times.append(self._ends_at)
        return min(times)

    @property
    def _ends_at(self) -> float:
        """When it is given up: nothing was heard for too long, or no send answered."""
        assert self._heartbeat is not None
        return min(self._heartbeat.cut_at, max(self._waits_since, self._answered_at) + self._ack_timeout_s)

    def open(self, token: str, now: float) -> list[Output]:
        """The handshake is done: say hello."""
        self._heartbeat = Heartbeat(WELCOME_HEARTBEAT_S, now)
        return [Send(self.number, self.session.hello(token))]

    def receive(self, frame: Any, now: float) -> list[Output]:
        """Take a frame; one that is not what docs/protocol.md says ends the socket."""
        if self._heartbeat is not None:
            self._heartbeat.hear(now)
        try:
            actions = self.session.receive(frame)
        except (ValueError, KeyError, TypeError, AttributeError):
            actions = [s.Reconnect("a frame was not what docs/protocol.md says")]
        return self._take(actions, now)

    def offer(self, pending: Pending, now: float) -> list[Output]:
        """Send what was just put into the outbox, if sends go out here."""
        return self._take(self.session.offer(pending), now)

    def take_over(self, now: float) -> list[Output]:
        """Send the outbox, and what is offered from now on."""
        return self._take(self.session.take_over(), now)

    def cut(self) -> list[Output]:
        if self._is_cut:
            return []
        self._is_cut = True
        return [Cut(self.number)]

    def show(self, token: str) -> list[Output]:
        """Show a fresh token."""
        return [Send(self.number, {"type": "token", "token": token})]

    def miss_token(self, now: float) -> None:
        """None was to be had: try again after a pause."""
        if self._heartbeat is not None:
            self._renew_at = now + RENEW_PAUSE_S

    def doubt(self, now: float) -> list[Output]:
        """Ask at once whether the other end is still there."""
        if self._heartbeat is None or not self.is_welcome or self._is_cut:
            return []
        self._heartbeat.doubt(now)
        self._heartbeat.pinged(now)
        return [Send(self.number, PING)]

    def hold(self) -> None:
        """Nothing is read for now; the peer's silence is of our making."""
        self._is_held = True

    def release(self, now: float) -> None:
        self._is_held = False
        if self._heartbeat is not None:
            self._heartbeat.hear(now)

    def tick(self, now: float) -> list[Output]:
        """Do what is due."""
        if self._heartbeat is None or self._is_cut:
            return []
        output: list[Output] = []
        for conversation in [of for of, at in self._pauses.items() if now >= at]:
            del self._pauses[conversation]
            output += self._take(self.session.again(conversation), now)
        if not self._is_held and now >= self._ends_at:
            self.fell_silent = True
            return output + self.cut()
        if self.is_welcome and now >= self._heartbeat.ping_at:
            self._heartbeat.pinged(now)
            output.append(Send(self.number, PING))
        if now >= self._renew_at:
            output += self._renew(now)
        return output

    def _take(self, actions: list[s.Action], now: float) -> list[Output]:
        output: list[Output] = []
        for action in actions:
            output += self._turn(action, now)
        if not self.session.is_waiting:
            self._waits_since = inf
        elif self._waits_since == inf:
            self._waits_since = now
        return output

    def _turn(self, action: s.Action, now: float) -> list[Output]:
        """Turn what the session wants into what the edge does."""
        if isinstance(action, s.Transmit):
            return [Send(self.number, action.frame)]
        if isinstance(action, s.Pause):
            self._answered_at = now
            self._pauses[action.conversation] = now + self._backoff.next(self._chance(), action.retry_after_s)
            return []
        if isinstance(action, s.Reconnect):
            return self.cut()
        if isinstance(action, s.RenewToken):
            return self._renew(now)
        self._note(action, now)
        return [action]

    def _renew(self, now: float) -> list[Output]:
        """Have another token fetched, with a pause where each one is about to end at once: the service says so of each."""
        again_at = self._renewed_at + RENEW_PAUSE_S
        if now < again_at:
            self._renew_at = again_at
            return []
        self._renew_at, self._renewed_at = inf, now
        return [Renew(self.number)]

    def _note(self, action: s.Action, now: float) -> None:
        if isinstance(action, s.Acked | s.Failed | s.Alive | s.CaughtUp):
            self._backoff.reset()
        if isinstance(action, s.Acked | s.Failed):
            self._answered_at = now
        elif isinstance(action, s.Welcomed):
            self._heartbeat = Heartbeat(action.heartbeat_s, now)
        elif isinstance(action, s.Moved):
            self.moved = action
