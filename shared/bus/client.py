"""The connection to Redis (or Valkey): every wait ends, every fault of it is Unavailable."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.errors import Unavailable


def is_cancelled() -> bool:
    """Say whether this task was told to end: what asks Redis again and again must look.

    redis-py waits by `asyncio.wait_for`, which in Python 3.11 swallows a cancellation that comes as the answer does.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


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
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
        max_connections=8,
    )
