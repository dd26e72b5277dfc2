"""What was published lately of a log, as Redis keeps it for a while (`shared/bus/publishing.py` writes it)."""

import asyncio
from typing import Any

from redis.asyncio import Redis

from shared.bus.client import translated

MOST = 64
PATIENCE_S = 0.25  # Postgres answers in less, and somebody waits


class Recent:
    """The recent payloads. Nothing that they say or leave out is the truth."""

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, min(timeout_s, PATIENCE_S)

    async def run(self, key: str, first: int) -> list[bytes]:
        """Return the payloads under *key* from the one on that begins at *first* or before it, at most 64, ascending.

        Raises:
            Unavailable: Redis did not answer in time.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s), self._redis.pipeline(transaction=False) as pipeline:
                pipeline.xrevrange(key, max=first, count=1)
                pipeline.xrange(key, min=f"({first}", count=MOST - 1)
                before, after = await pipeline.execute()
        entries: list[Any] = [*before, *after]
        return [fields[b""] for _, fields in entries if b"" in fields]
