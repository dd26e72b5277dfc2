"""The senders' clients: one a user, from an address of the user's own, so many open at once and no more."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ringpost_client import Client


@dataclass(slots=True)
class _Held:
    client: Client
    users: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Pool:
    """Opens a client when its user first sends; closes the one that has been idle longest when there are too many."""

    def __init__(self, make: Callable[[str], Client], limit: int) -> None:
        self._make, self._limit = make, limit
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._freed = asyncio.Condition()
        self.opened = self.reconnects = self.moves = 0
        self.without_socket_s = 0.0  # of whoever was without one for longest

    @asynccontextmanager
    async def lease(self, user: str) -> AsyncIterator[Client]:
        """Hold *user*'s client open; wait for a place if all are taken."""
        held = await self._take(user)
        try:
            yield held.client
        finally:
            held.users -= 1
            if not held.users and len(self._held) >= self._limit:
                async with self._freed:
                    self._freed.notify()

    async def close(self) -> None:
        """Close every client."""
        while self._held:
            _, held = self._held.popitem()
            await self._close(held)

    async def _take(self, user: str) -> _Held:
        while user not in self._held:
            if len(self._held) < self._limit:
                held = self._held[user] = _Held(self._make(user))
                held.users += 1
                self.opened += 1
                await held.client.__aenter__()
                held.ready.set()
                return held
            await self._make_room()
        held = self._held[user]
        self._held.move_to_end(user)
        held.users += 1
        await held.ready.wait()
        return held

    async def _make_room(self) -> None:
        idle = next((user for user, held in self._held.items() if not held.users), None)
        if idle is not None:
            await self._close(self._held.pop(idle))
            return
        async with self._freed:
            await self._freed.wait()

    async def _close(self, held: _Held) -> None:
        self.reconnects += held.client.reconnects
        self.moves += held.client.moves
        self.without_socket_s = max(self.without_socket_s, held.client.without_socket_s)
        await held.client.__aexit__(None, None, None)
