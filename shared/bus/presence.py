"""Who is connected where, in Redis: a hash for each user, of the gateways that hold a socket of theirs.

A field of it counts for as long as its gateway lives, which one key a gateway says; so nothing is written for who merely stays.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from shared.bus.client import translated

ALIVE_S = 12.0
KEPT_S = 1800
A_CALL = 200


def presence_channel(prefix: str, user: str) -> bytes:
    """Return the channel that is told when the presence of *user* may have changed."""
    return f"{prefix}:presence:{user}".encode()


class PresenceStore:
    """One gateway's entries, and everybody's to read. Every call raises Unavailable where Redis does not answer in time.

    *gateway* is of one run of a process: who is started again under the same name is another one.
    """

    def __init__(self, redis: Redis, prefix: str, timeout_s: float, gateway: str) -> None:
        self._redis, self._prefix, self._timeout_s, self.gateway = redis, prefix, timeout_s, gateway

    async def live(self) -> bool:
        """Say that this gateway lives; return whether Redis still knew that. If not, it has forgotten the entries too."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                before: Any = await self._redis.set(self._alive(self.gateway), b"1", px=int(ALIVE_S * 1000), get=True)
        return before is not None

    async def write(self, users: Mapping[str, int | None]) -> None:
        """Enter each user as connected here since then (Unix seconds), or take them out (None); tell who watches them."""
        async for pipeline, some in self._calls(list(users)):
            for user in some:
                key, since = self._key(user), users[user]
                if since is None:
                    pipeline.hdel(key, self.gateway)
                else:
                    pipeline.hset(key, self.gateway, since)
                    pipeline.expire(key, KEPT_S)
                pipeline.publish(presence_channel(self._prefix, user), b"")
            await self._execute(pipeline)

    async def read(self, users: Iterable[str]) -> dict[str, dict[str, int]]:
        """Return where each of *users* is entered: gateway to since when."""
        found: dict[str, dict[str, int]] = {}
        async for pipeline, some in self._calls(list(users)):
            for user in some:
                pipeline.hgetall(self._key(user))
            for user, entries in zip(some, await self._execute(pipeline), strict=True):
                found[user] = {
                    name.decode(): int(since) for name, since in entries.items() if name.isascii() and since.isdigit()
                }
        return found

    async def living(self, gateways: Iterable[str]) -> set[str]:
        """Return those of *gateways* that live."""
        alive: set[str] = set()
        async for pipeline, some in self._calls(list(gateways)):
            for gateway in some:
                pipeline.exists(self._alive(gateway))
            alive |= {gateway for gateway, is_there in zip(some, await self._execute(pipeline), strict=True) if is_there}
        return alive

    async def _calls(self, names: Sequence[str]) -> Any:
        for start in range(0, len(names), A_CALL):
            async with self._redis.pipeline(transaction=False) as pipeline:
                yield pipeline, names[start : start + A_CALL]

    async def _execute(self, pipeline: Any) -> list[Any]:
        with translated():
            async with asyncio.timeout(self._timeout_s):
                answers: list[Any] = await pipeline.execute()
        return answers

    def _key(self, user: str) -> str:
        return f"{self._prefix}:online:{user}"

    def _alive(self, gateway: str) -> str:
        return f"{self._prefix}:alive:{gateway}"
