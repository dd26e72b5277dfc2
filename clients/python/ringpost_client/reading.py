"""The read side: one socket for the one who takes every event and for all who follow a conversation."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

from ringpost_client.calls import Calls
from ringpost_client.events import Event
from ringpost_client.feed import Feed
from ringpost_client.follower import joined
from ringpost_client.link import Link
from ringpost_client.positions import Positions

PAGE = 1_000


class Reading:
    """Has *open_link* open the socket, at the positions that it gets, when somebody first wants to read; *close_link* ends it.

    For who takes every event it begins at *start*: where the app was. For the others, until then, with what comes. *tell_away*
    hears why there can be no socket yet.
    """

    def __init__(
        self,
        start: Positions,
        calls: Calls,
        open_link: Callable[[Positions], Link],
        close_link: Callable[[Link], None],
        tell_away: Callable[[str], None],
    ) -> None:
        self._calls, self._open_link, self._close_link, self._tell_away = calls, open_link, close_link, tell_away
        self.positions = start
        self.link: Link | None = None
        self.feed = Feed(start, self._hold, self._restart)
        self._opening = asyncio.Lock()
        self._watched: list[str] = []
        self._is_new = False  # whether no socket has had its welcome since the link was opened

    def events(self) -> AsyncIterator[Event]:
        """Yield every event from where the app was."""
        if not self.feed.is_whole:
            self.feed.is_whole = True
            self._restart(self.feed.seen)
        return self.feed.events()

    async def follow(self, conversation: str, after: int | None) -> AsyncIterator[Event]:
        """Yield the events of *conversation* after *after* (None: from now on), each once, in order, without a hole."""
        follower = self.feed.follow(conversation)
        try:
            await self.open()
            if after is None:
                after = self.positions.of.get(conversation)
            else:
                follower.cut()  # what is there already comes in pages
            async for event in joined(follower, after, partial(self._pages, conversation)):
                yield event
        finally:
            self.feed.leave(conversation, follower)

    async def open(self) -> None:
        """Have a socket, from now on if there is none."""
        async with self._opening:
            if self.link is None:
                now = await self._now()
                if self.link is None:
                    self._begin(now)

    def watch(self, users: list[str]) -> bool:
        """Say whose presence is of interest, now and to each socket to come; return whether there is one."""
        self._watched = users
        return self.say({"type": "watch", "users": users})

    def greet(self) -> None:
        """The socket has its welcome."""
        if self._is_new:
            # It begins at the head as of now, which may be further than the pages that were read before it.
            self._is_new = False
            self.feed.look_back()
        if self._watched:
            self.watch(self._watched)

    def say(self, frame: Mapping[str, Any]) -> bool:
        """Say something that needs no answer; return whether there was a socket for it."""
        return self.link is not None and self.link.say(frame)

    def _begin(self, start: Positions) -> None:
        self.positions, self._is_new = Positions(start.epoch, start.inbox, start.of), True
        self.link = self._open_link(self.positions)

    def _restart(self, start: Positions) -> None:
        if self.link is not None:
            self._close_link(self.link)
        self.feed.begin_anew()
        self._begin(start)

    def _hold(self, full: bool) -> None:
        if self.link is not None:
            (self.link.pause if full else self.link.resume)()

    async def _now(self) -> Positions:
        """Return the positions of one who has all of the inbox: without any others, each log goes on from its head."""
        ask = partial(self._calls.get, "read", "/v1/conversations", limit=1)
        page = await self._calls.insist(ask, self._tell_away)
        return Positions(page["epoch"], page["inbox"])

    async def _pages(self, conversation: str, after: int, before: int | None) -> AsyncIterator[Event]:
        """Yield the events after *after* and before *before*, as far as they are there."""
        log = Positions(of={conversation: after})
        path = f"/v1/conversations/{conversation}/events"
        is_complete = False
        while not is_complete and (before is None or log.of[conversation] + 1 < before):
            at = log.of[conversation]
            page = await self._calls.insist(partial(self._calls.get, "read", path, after=at, limit=PAGE))
            log.of[conversation] = max(at, page["from"] - 1)  # what is before it is not ours to see
            for event in log.apply(conversation, page):
                if before is None or event.seq < before:
                    yield event
            is_complete = page["complete"]
