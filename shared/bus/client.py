"""The connection to Redis (or Valkey): every wait ends, every fault of it is Unavailable."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
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


class Publication(msgspec.Struct, frozen=True, gc=False):
    """A payload for *channel*, kept for a while as one of the recent ones under *key*, whose events begin at *first*.

    *lasting*: the key's time to live starts anew.
    """

    channel: str
    key: str
    first: int
    payload: bytes
    lasting: bool


# One call for many logs. A stream's entry is found by the seq that it begins with; one that comes late, after another gateway's
# later one, is left out: a hole costs its reader a query.
_PUBLISH = """
for i, key in ipairs(KEYS) do
    local channel, first, payload, lasting = unpack(ARGV, 4 * i - 1, 4 * i + 2)
    redis.call('PUBLISH', channel, payload)
    redis.pcall('XADD', key, 'MAXLEN', '~', ARGV[1], first, '', payload)
    if lasting == '1' then redis.call('EXPIRE', key, ARGV[2]) end
end
"""
_LOGS_A_CALL = 100
RECENT_PAYLOADS, RECENT_S = 100, 300


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
                arguments = [part for p in some for part in (p.channel, p.first, p.payload, int(p.lasting))]
                async with asyncio.timeout(self._timeout_s):
                    await self._publish([p.key for p in some], [RECENT_PAYLOADS, RECENT_S, *arguments])

    async def recent(self, key: str, first: int) -> list[bytes]:
        """Return the recent payloads under *key* that begin at *first* or later, ascending; an empty answer says nothing.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                entries: Any = await self._redis.xrange(key, min=first)
        return [fields[b""] for _, fields in entries]

    async def ping(self) -> None:
        """Return when Redis has answered; raise Unavailable when it has not in time."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                await self._redis.ping()

    async def close(self) -> None:
        with translated():
            await self._redis.aclose()
