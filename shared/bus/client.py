"""The connection to Redis (or Valkey): every wait ends, every fault of it is Unavailable."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Publication:
    """A payload for *channel*, that is also kept for a while as one of the recent ones under *key*, by its first seq."""

    channel: str
    key: str
    first: int
    payload: bytes


# One call for many logs: what each costs here is four commands of the server's own, and no parsing of answers.
_PUBLISH = """
for i, key in ipairs(KEYS) do
    local channel, first, payload = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
    redis.call('PUBLISH', channel, payload)
    redis.call('ZADD', key, first, payload)
    redis.call('ZREMRANGEBYRANK', key, 0, -1 - ARGV[1])
    redis.call('PEXPIRE', key, ARGV[2])
end
"""
_LOGS_A_CALL = 100
RECENT_PAYLOADS, RECENT_MS = 64, 300_000


class Bus:
    """Redis, for publishing and for asking whether it is there."""

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, timeout_s
        self._publish = redis.register_script(_PUBLISH)

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Publish, in order, and keep the recent payloads of each log.

        Raises:
            Unavailable: Redis did not answer in time; some of them may have been published.
        """
        with translated():
            for start in range(0, len(publications), _LOGS_A_CALL):
                some = publications[start : start + _LOGS_A_CALL]
                arguments = [part for p in some for part in (p.channel, p.first, p.payload)]
                async with asyncio.timeout(self._timeout_s):
                    await self._publish([p.key for p in some], [RECENT_PAYLOADS, RECENT_MS, *arguments])

    async def recent(self, key: str, first: int) -> list[bytes]:
        """Return the recent payloads under *key* that begin at *first* or later, ascending; an empty answer says nothing.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                payloads: Any = await self._redis.zrangebyscore(key, first, "+inf")
        return list(payloads)

    async def ping(self) -> None:
        """Return when Redis has answered; raise Unavailable when it has not in time."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()

    async def close(self) -> None:
        with translated():
            await self._redis.aclose()
