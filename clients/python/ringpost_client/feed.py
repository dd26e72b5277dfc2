"""What the app is shown: to the one who takes every event, and to those who follow a conversation."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable

from ringpost_client.errors import ClientError, PositionLost
from ringpost_client.events import Event
from ringpost_client.follower import BUFFER_EVENTS, Follower
from ringpost_client.positions import Positions
from ringpost_client.session import Deliver, Seated


class Feed:
    """Bounded buffers, so that nobody who is slow holds up another one.

    Who takes every event and is slow has the socket held while they are alone (*hold* with True, and with False when there is
    room again). Beside followers their buffer is cut, and *restart* begins anew from `seen`: up to what they have asked for.
    """

    def __init__(self, start: Positions, hold: Callable[[bool], None], restart: Callable[[Positions], None]) -> None:
        self.seen = Positions(start.epoch, start.inbox, start.of)
        self._hold, self._restart = hold, restart
        self._ready: deque[Event | Seated] = deque()
        self._followers: defaultdict[str, set[Follower]] = defaultdict(set)
        self._wake = asyncio.Event()
        self._epoch: str | None = None
        self._is_held = self._is_cut = False
        self.is_whole = False  # whether somebody takes every event
        self._error: ClientError | None = None

    def put(self, action: Deliver | Seated) -> None:
        """Take what a session delivers."""
        if isinstance(action, Deliver):
            for event in action.events:
                self._show(event)
        else:
            self._seat(action)
        self._wake.set()
        if len(self._ready) > BUFFER_EVENTS and not self._is_held:
            self._overflow()

    def follow(self, conversation: str) -> Follower:
        """Return a follower of *conversation*, until they `leave`."""
        follower = Follower()
        self._followers[conversation].add(follower)
        if self._error is not None:
            follower.fail(self._error)
        if self._is_held:
            self._cut()
        return follower

    def leave(self, conversation: str, follower: Follower) -> None:
        self._followers[conversation].discard(follower)
        if not self._followers[conversation]:
            del self._followers[conversation]

    def begin_anew(self) -> None:
        """What comes next does not continue what came: it begins where the one who takes every event is."""
        self._ready.clear()
        self._is_cut = False
        self.look_back()

    def look_back(self) -> None:
        """What comes next may not continue what came: who follows a conversation reads what is between."""
        for followers in self._followers.values():
            for follower in followers:
                follower.cut()

    def fail(self, error: ClientError) -> None:
        """What is here is still shown; then comes *error*."""
        self._error = self._error or error
        self._wake.set()
        for followers in self._followers.values():
            for follower in followers:
                follower.fail(error)

    async def events(self) -> AsyncIterator[Event]:
        """Yield what comes; each counts as seen when the next one is asked for."""
        while True:
            while self._ready:
                entry = self._ready.popleft()
                self._relieve()
                if isinstance(entry, Event):
                    yield entry
                    self.seen.see(entry)
                else:
                    self.seen = Positions(entry.epoch, entry.inbox, entry.of)
            if self._error is not None:
                raise self._error
            if self._is_cut:
                self._restart(self.seen)
            self._wake.clear()
            await self._wake.wait()

    def _show(self, event: Event) -> None:
        if self.is_whole and not self._is_cut:
            if event.type == "deleted" and self._ready:
                self._ready = deque(each.without_text_of(event) if isinstance(each, Event) else each for each in self._ready)
            self._ready.append(event)
        for follower in self._followers.get(event.conversation or "", ()):
            follower.push(event)

    def _seat(self, seated: Seated) -> None:
        if self.is_whole and not self._is_cut:
            self._ready.append(seated)
        is_other = self._epoch not in (None, seated.epoch)
        self._epoch = seated.epoch
        for conversation, followers in self._followers.items():
            for follower in followers:
                if is_other or seated.of.get(conversation, follower.at) < follower.at:
                    follower.fail(PositionLost("the log begins anew"))

    def _overflow(self) -> None:
        if self._followers:
            self._cut()
        else:
            self._is_held = True
            self._hold(True)

    def _cut(self) -> None:
        self._ready.clear()
        self._is_cut = True
        self._wake.set()
        self._relieve()

    def _relieve(self) -> None:
        if self._is_held and len(self._ready) < BUFFER_EVENTS // 2:
            self._is_held = False
            self._hold(False)
