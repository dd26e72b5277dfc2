"""What the app is shown: events as they come, and how far it has seen them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from ringpost_client.errors import ClientError
from ringpost_client.events import Event
from ringpost_client.positions import Positions
from ringpost_client.session import Deliver, Seated
from ringpost_client.state import save_positions

BUFFER_EVENTS = 10_000


class Feed:
    """A bounded buffer: *hold* is called with True when it is full, with False when there is room again.

    `seen` trails what came by what the app has not asked for yet; `save` writes it to *path*.
    """

    def __init__(self, start: Positions, path: Path | None, hold: Callable[[bool], None]) -> None:
        self.seen = Positions(start.epoch, start.inbox, start.of)
        self._path, self._hold = path, hold
        self._ready: deque[Event | Seated] = deque()
        self._wake = asyncio.Event()
        self._is_held = self._has_moved = False
        self._error: ClientError | None = None

    def put(self, action: Deliver | Seated) -> None:
        """Take what a session delivers."""
        if isinstance(action, Deliver):
            self._ready.extend(action.events)
        else:
            self._ready.append(action)
        self._wake.set()
        if len(self._ready) > BUFFER_EVENTS and not self._is_held:
            self._is_held = True
            self._hold(True)

    def fail(self, error: ClientError) -> None:
        """What is here is still shown; then comes *error*."""
        self._error = self._error or error
        self._wake.set()

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
                self._has_moved = True
            if self._error is not None:
                raise self._error
            self._wake.clear()
            await self._wake.wait()

    def save(self) -> None:
        """Write down how far the app has seen, if that has changed."""
        if self._has_moved and self._path is not None:
            self._has_moved = False
            save_positions(self._path, self.seen)

    def _relieve(self) -> None:
        if self._is_held and len(self._ready) < BUFFER_EVENTS // 2:
            self._is_held = False
            self._hold(False)
