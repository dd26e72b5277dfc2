"""One socket's life, from the hello on: frames in, actions out. A pure core."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringpost_client.events import Ack, Event
from ringpost_client.lane import Lane
from ringpost_client.notices import NOTICES, Notice, make_notice
from ringpost_client.outbox import Outbox, Pending
from ringpost_client.positions import Hole, Positions


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send this frame."""

    frame: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The service took the hello."""

    heartbeat_s: float
    roles: tuple[str, ...]
    gateway: str
    spread_s: float = 0.0
    user: str = ""
    markers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Show these events."""

    events: list[Event]


@dataclass(frozen=True, slots=True)
class Seated:
    """What was delivered so far adds up to these positions, whatever they were before."""

    epoch: str
    inbox: int
    of: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """All that was there at the welcome has been delivered."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What concerns the app alone passes by."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Alive:
    """The service answered a ping."""


@dataclass(frozen=True, slots=True)
class Acked:
    """These sends are committed; they have left the outbox."""

    acks: list[Ack]


@dataclass(frozen=True, slots=True)
class Failed:
    """A send was refused for good; the outbox keeps it, and it is not sent again."""

    conversation: str
    id: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait (back off, at least *retry_after_s*), then call `again` with this conversation."""

    conversation: str
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class RenewToken:
    """The token is about to expire."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The gateway is about to stop: open another socket after *retry_after_s*; this one is closed after *within_s*."""

    retry_after_s: float
    within_s: float
    spread_s: float


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The socket is about to be closed. Come back after *retry_after_s*, at some time within *spread_s* from then."""

    retry_after_s: float
    spread_s: float | None


@dataclass(frozen=True, slots=True)
class Away:
    """The socket ended, or could not be opened; the link comes back after its back-off."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Close this socket and come back with the positions and the outbox."""

    reason: str


Action = (
    Transmit
    | Welcomed
    | Deliver
    | Seated
    | CaughtUp
    | Noticed
    | Alive
    | Acked
    | Failed
    | Pause
    | RenewToken
    | Moved
    | Dismissed
    | Away
    | Reconnect
)


class Session:
    """What one socket says and hears. *outbox* and *positions* outlive it; None for what it does not do.

    Two sessions may share both, while the second *takes_over*: it sends nothing until `take_over`.
    """

    def __init__(self, outbox: Outbox | None, positions: Positions | None, *, takes_over: bool = False) -> None:
        self._outbox, self._positions = outbox, positions
        self._lanes: dict[str, Lane] = {}
        self._sends = not takes_over
        self._said_inbox = 0
        self._is_caught_up = False
        self.roles: tuple[str, ...] = ()
        self.gateway = ""
        self._handlers: dict[str, Callable[[Mapping[str, Any]], list[Action]]] = {
            "welcome": self._welcome,
            "events": self._events,
            "inbox": self._events,
            "range": self._range,
            "caught_up": self._caught_up,
            "pong": lambda _: [Alive()],
            "acks": self._acks,
            "error": self._error,
            "position_lost": self._lost,
            "token_expiring": lambda _: [RenewToken()],
            "moved": self._moved,
            **dict.fromkeys(NOTICES, lambda frame: [Noticed(make_notice(frame))]),
        }

    @property
    def can_write(self) -> bool:
        return "write" in self.roles

    @property
    def is_waiting(self) -> bool:
        """Whether a send is in flight."""
        return any(lane.is_flying for lane in self._lanes.values())

    @property
    def is_settled(self) -> bool:
        """Whether it has its welcome, and all that was there before."""
        return bool(self.roles) and (self._is_caught_up or self._positions is None or "read" not in self.roles)

    def hello(self, token: str) -> Mapping[str, Any]:
        """Return the first frame."""
        cursor = self._positions.cursor() if self._positions is not None else {}
        self._said_inbox = cursor.get("inbox", 0)
        return {"type": "hello", "token": token, **cursor}

    def receive(self, frame: Mapping[str, Any]) -> list[Action]:
        """Take a frame of the service. One of a type that this client does not know is passed over."""
        handler = self._handlers.get(frame["type"])
        if handler is None or not (self.roles or frame["type"] in ("welcome", "error")):
            return []
        try:
            return handler(frame)
        except Hole as hole:
            return [Reconnect(str(hole))]

    def offer(self, pending: Pending) -> list[Action]:
        """Send what was just put into the outbox."""
        if not (self.can_write and self._sends):
            return []
        self._lane(pending.conversation).add(pending)
        return self._move(pending.conversation)

    def again(self, conversation: str) -> list[Action]:
        """The pause after a put-off is over."""
        lane = self._lanes.get(conversation)
        if lane is None or not lane.is_paused or not self._sends:
            return []
        lane.restart()
        return self._move(conversation)

    def hold(self) -> None:
        """Send nothing more; what is in flight is still answered."""
        self._sends = False

    def take_over(self) -> list[Action]:
        """Send what is in the outbox, and what comes into it."""
        self._sends = True
        actions: list[Action] = []
        if self.can_write and self._outbox is not None:
            for pending in self._outbox:
                self._lane(pending.conversation).add(pending)
            for conversation in self._lanes:
                actions += self._transmit(conversation)
        return actions

    def _welcome(self, frame: Mapping[str, Any]) -> list[Action]:
        self.roles, self.gateway = tuple(frame["roles"]), str(frame.get("gateway", ""))
        if self._positions is not None and "read" in self.roles:
            self._positions.welcome(frame["epoch"], frame["inbox"], frame["ranges"], self._said_inbox)
        about = (_spread_s(frame) or 0.0, str(frame.get("user", "")), frame.get("markers", {}))
        welcomed = Welcomed(float(frame["heartbeat_s"]), self.roles, self.gateway, *about)
        return [welcomed, *self._seat(), *(self.take_over() if self._sends else [])]

    def _caught_up(self, frame: Mapping[str, Any]) -> list[Action]:
        self._is_caught_up = True
        return [CaughtUp()]

    def _moved(self, frame: Mapping[str, Any]) -> list[Action]:
        return [Moved(float(frame["retry_after"]), float(frame["within_s"]), _spread_s(frame) or 0.0)]

    def _events(self, frame: Mapping[str, Any]) -> list[Action]:
        if self._positions is None:
            return []
        events = self._positions.apply(frame["conversation"] if frame["type"] == "events" else None, frame)
        return [Deliver(events)] if events else []

    def _range(self, frame: Mapping[str, Any]) -> list[Action]:
        if self._positions is not None:
            self._positions.take_range(frame)
        return self._seat()

    def _lost(self, frame: Mapping[str, Any]) -> list[Action]:
        if self._positions is not None:
            self._positions.lose(frame.get("conversation"))
        return self._seat()

    def _seat(self) -> list[Action]:
        at = self._positions
        return [Seated(at.epoch, at.inbox, dict(at.of))] if at is not None and at.epoch else []

    def _acks(self, frame: Mapping[str, Any]) -> list[Action]:
        acks, actions = [], list[Action]()
        for ack in frame["acks"]:
            conversation, id = ack["conversation"], ack["id"]
            self._lane(conversation).settle(id)
            pending = self._outbox.settle(conversation, id) if self._outbox is not None else None
            if pending is not None:
                attempts = pending.attempts
                acks.append(Ack(conversation, id, ack["seq"], ack["at"], bool(ack.get("duplicate")), attempts))
        for conversation in {ack["conversation"] for ack in frame["acks"]}:
            actions += self._move(conversation)
        return [Acked(acks), *actions] if acks else actions

    def _error(self, frame: Mapping[str, Any]) -> list[Action]:
        if "id" not in frame:
            # About a frame before, or about the socket; if it matters, a close code follows.
            return [Dismissed(float(frame.get("retry_after") or 0), _spread_s(frame))] if frame["retryable"] else []
        conversation, id = frame["conversation"], frame["id"]
        actions: list[Action] = []
        if frame["retryable"]:
            self._lane(conversation).put_off(id, frame.get("retry_after"))
        else:
            self._lane(conversation).settle(id)
            if self._outbox is not None and self._outbox.fail(conversation, id) is not None:
                actions.append(Failed(conversation, id, frame["code"], frame.get("detail", "")))
        return actions + self._move(conversation)

    def _move(self, conversation: str) -> list[Action]:
        """Go on with a conversation, after something of it was answered or added."""
        lane = self._lane(conversation)
        if lane.is_paused:
            return [Pause(conversation, lane.retry_after_s)] if lane.begins_pause() else []
        actions = self._transmit(conversation)
        if lane.is_empty:
            del self._lanes[conversation]
        return actions

    def _transmit(self, conversation: str) -> list[Action]:
        actions: list[Action] = []
        if not self._sends:
            return actions
        for pending, again in self._lane(conversation).take():
            pending.attempts += 1
            frame = {"conversation": conversation, "id": pending.id, **pending.change}
            actions.append(Transmit(frame | {"again": True} if again else frame))
        return actions

    def _lane(self, conversation: str) -> Lane:
        lane = self._lanes.get(conversation)
        if lane is None:
            lane = self._lanes[conversation] = Lane()
        return lane


def _spread_s(frame: Mapping[str, Any]) -> float | None:
    """Return within what time to come back, where the frame says it."""
    reconnect = frame.get("reconnect")
    return float(reconnect["spread_s"]) if reconnect is not None else None
