"""A gateway's word to itself through Redis: sent on one connection, heard on its subscription's."""

import asyncio

from redis.asyncio import Redis

from shared.bus.client import translated


class Canary:
    """A channel of the gateway's own; *origin* is nobody else's."""

    def __init__(self, redis: Redis, prefix: str, origin: str, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, timeout_s
        self.channel = f"{prefix}:canary:{origin}".encode()

    async def send(self, number: int) -> None:
        """Publish *number*.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                await self._redis.publish(self.channel, str(number))
