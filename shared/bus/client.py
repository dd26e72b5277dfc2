"""The connection to Redis (or Valkey): every wait ends, every fault of it is Unavailable."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.errors import Unavailable


@contextmanager
def translated() -> Iterator[None]:
    """Raise Unavailable for whatever Redis fails with."""
    try:
        yield
    except (TimeoutError, RedisError, OSError) as error:
        raise Unavailable("Redis is away.") from error


def connect(url: str, timeout_s: float) -> Redis:
    """Return a client of the Redis at *url*; it connects when it is first used.

    RESP2, since redis-py's RESP3 leaks on pushes with older hiredis; no retries of its own, since callers decide.
    """
    return Redis.from_url(
        url,
        protocol=2,
        decode_responses=False,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        socket_keepalive=True,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
        max_connections=8,
    )


class Bus:
    """Redis, for publishing and for asking whether it is there."""

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, timeout_s

    async def publish(self, publications: Sequence[tuple[str, bytes]]) -> None:
        """Publish (channel, payload) pairs, in order, in one pipeline.

        Raises:
            Unavailable: Redis did not answer in time; some of them may have been published.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for channel, payload in publications:
                        pipeline.publish(channel, payload)
                    await pipeline.execute()

    async def ping(self) -> None:
        """Return when Redis has answered; raise Unavailable when it has not in time."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()

    async def close(self) -> None:
        with translated():
            await self._redis.aclose()
