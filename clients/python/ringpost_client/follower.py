"""One who follows a conversation: what waits for them, and where what they lack comes from."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from ringpost_client.errors import ClientError
from ringpost_client.events import Event

BUFFER_EVENTS = 10_000


class Follower:
    """What one of them has not taken yet.

    Past its bound it forgets all of it and takes no more, and `next` says so once: who reads knows where they were.
    """

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._is_cut = False
        self._error: ClientError | None = None
        self.at = 0  # the highest seq that came since it was last cut

    def push(self, event: Event) -> None:
        if self._is_cut:
            return
        if event.type == "deleted" and self._waiting:
            self._waiting = deque(each.without_text_of(event) for each in self._waiting)
        self._waiting.append(event)
        self.at = event.seq
        if len(self._waiting) > BUFFER_EVENTS:
            self.cut()
        self._wake.set()

    def cut(self) -> None:
        """Forget what waits: what comes next does not continue it."""
        self._waiting.clear()
        self._is_cut, self.at = True, 0
        self._wake.set()

    def fail(self, error: ClientError) -> None:
        """After what is here comes *error*."""
        self._error = self._error or error
        self._wake.set()

    async def next(self) -> Event | None:
        """Wait for the next one; None where something was cut, from where it takes more."""
        while True:
            if self._waiting:
                return self._waiting.popleft()
            if self._error is not None:
                raise self._error
            if self._is_cut:
                self._is_cut = False
                return None
            self._wake.clear()
            await self._wake.wait()


async def joined(
    follower: Follower, after: int | None, pages: Callable[[int, int | None], AsyncIterator[Event]]
) -> AsyncIterator[Event]:
    """Yield the events after *after* (None: from the first one that comes), each once, in order.

    What the follower lacks comes from *pages*: called with what it is after, and before which seq it ends (None: at the head).
    """
    last = after
    while True:
        event = await follower.next()
        before = None if event is None else event.seq
        if last is None:
            if before is None:
                continue
            last = before - 1
        if before is None or before > last + 1:
            async for missed in pages(last, before):
                last = missed.seq
                yield missed
        if event is not None and event.seq > last:
            last = event.seq
            yield event
