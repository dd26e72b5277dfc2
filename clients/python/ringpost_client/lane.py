"""One socket's sends of one conversation: what waits, what is in flight, what was put off. A pure core."""

from collections import deque
from collections.abc import Iterable

from ringpost_client.outbox import Pending

WINDOW = 256


class Lane:
    """Keeps the order through refusals for the moment (docs/protocol.md: put off, in order).

    After a send was put off nothing new goes out until every one in flight is answered; then the first goes again, marked so.
    """

    __slots__ = ("_again", "_flying", "_held", "_is_pausing", "_put_off", "_waiting", "retry_after_s")

    def __init__(self, pending: Iterable[Pending] = ()) -> None:
        self._waiting = deque(pending)
        self._flying: dict[str, Pending] = {}
        self._put_off: list[Pending] = []
        self._held = self._again = self._is_pausing = False
        self.retry_after_s: float | None = None

    @property
    def is_paused(self) -> bool:
        """Whether all is answered and something was put off: time to wait, then `restart`."""
        return self._held and not self._flying

    @property
    def is_flying(self) -> bool:
        return bool(self._flying)

    @property
    def is_empty(self) -> bool:
        return not (self._waiting or self._flying or self._put_off)

    def add(self, pending: Pending) -> None:
        self._waiting.append(pending)

    def take(self) -> list[tuple[Pending, bool]]:
        """Return what is to go out now, in order, and count it as in flight. True marks the one that says `again`."""
        out: list[tuple[Pending, bool]] = []
        while self._waiting and not self._held and len(self._flying) < WINDOW:
            pending = self._waiting.popleft()
            self._flying[pending.id] = pending
            out.append((pending, self._again))
            self._again = False
        return out

    def settle(self, id: str) -> None:
        """A send was acknowledged, or finally refused."""
        self._flying.pop(id, None)

    def put_off(self, id: str, retry_after_s: float | None) -> None:
        """A send was put off, and so is what follows it."""
        pending = self._flying.pop(id, None)
        if pending is None:
            return
        self._held = True
        self._put_off.append(pending)
        self.retry_after_s = max(retry_after_s or 0.0, self.retry_after_s or 0.0)

    def begins_pause(self) -> bool:
        """Say once a pause that it begins."""
        is_first, self._is_pausing = not self._is_pausing, True
        return is_first

    def restart(self) -> None:
        """The pause is over: the first that was put off leads."""
        assert self.is_paused
        self._waiting.extendleft(sorted(self._put_off, key=lambda pending: -pending.number))
        self._put_off.clear()
        self._held, self._is_pausing, self._again, self.retry_after_s = False, False, True, None
