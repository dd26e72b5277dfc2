"""The system that is fuzzed: conversations, tokens, what is stored, and its processes where they may be killed."""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ringpost_client import Api

from deploy.local.access import Access
from deploy.local.found import find_local
from deploy.replay.checker import Entry
from deploy.replay.killer import Killer
from deploy.replay.plan import address
from deploy.replay.runner import insist
from deploy.replay.select import select_entries

PAGE = 1_000


class Site:
    """One for all schedules; close it. *targets*: what of it may be killed."""

    def __init__(self, access: Access, targets: tuple[str, ...], chance: random.Random) -> None:
        self._access = access
        self._api = Api(access.read_url, access.write_url)
        self._killer = Killer(lambda: find_local().processes, (access.read_url, access.write_url), targets, chance)
        self._killing = asyncio.Lock()
        self._addresses = 0
        self.urls = {"read": access.read_url, "write": access.write_url}

    @property
    def kills(self) -> int:
        return self._killer.kills

    async def close(self) -> None:
        await self._api.close()

    async def token(self, user: str) -> str:
        given = self._access.token(user)
        return given if isinstance(given, str) else await insist(lambda: _awaited(given))

    def address(self) -> str | None:
        """Return an address to connect from that nobody else has; None where only one can be had."""
        self._addresses += 1
        has_many = sys.platform.startswith("linux") and all(_is_loopback(url) for url in self.urls.values())
        return address(self._addresses) if has_many else None

    async def create(self, users: Sequence[str]) -> str:
        """Create a conversation of *users*; the first one owns it."""
        token, request = await self.token(users[0]), str(uuid4())
        return await insist(lambda: self._api.create(token, request, title="Fuzz", members=list(users[1:])))

    async def heads(self, user: str, rooms: Sequence[str]) -> dict[str, int]:
        """Return each room's highest number."""
        return {room: entries[-1].seq for room, entries in (await self._tell(user, rooms)).items()}

    async def read(self, user: str, rooms: Sequence[str]) -> Mapping[str, Sequence[Entry]]:
        """Return each room's log: as the database has it where that can be reached, else as the API tells it."""
        local = self._access.local
        selected = await select_entries(local.postgres_url, rooms) if local is not None else None
        return selected if selected is not None else await self._tell(user, rooms)

    async def kill(self, target: str) -> None:
        """Kill one process of *target*, one at a time, and wait until there is another one in its place."""
        async with self._killing:
            await self._killer.kill(target)

    async def _tell(self, user: str, rooms: Sequence[str]) -> dict[str, list[Entry]]:
        token = await self.token(user)
        return {room: await self._log(token, room) for room in rooms}

    async def _log(self, token: str, room: str) -> list[Entry]:
        entries: list[Entry] = []
        while True:
            page = await insist(_page(self._api, token, room, entries[-1].seq if entries else 0))
            entries += map(_entry, page["events"])
            if page["complete"] or not page["events"]:
                return entries


def _page(api: Api, token: str, room: str, after: int) -> Callable[[], Coroutine[Any, Any, Mapping[str, Any]]]:
    return lambda: api.events(token, room, after=after, limit=PAGE)


async def _awaited(fetch: Callable[[], Awaitable[str]]) -> str:
    return await fetch()


def _entry(event: Mapping[str, Any]) -> Entry:
    return Entry(event["seq"], event["id"], event["sender"], event.get("text", ""), event["type"] == "message")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
