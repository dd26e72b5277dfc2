"""Who serves: the gateways of a pool, each record kept alive by its gateway's heartbeat.

A pool is one hash; each field (a gateway's name) has a time to live of its own, so that who is silent vanishes.
"""

import asyncio
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import structlog
from redis.asyncio import Redis

from shared.bus.client import translated

log = structlog.get_logger("ringpost.registry")


class GatewayState(StrEnum):
    READY = "ready"
    NOT_READY = "not_ready"
    DRAINING = "draining"


class Gateway(msgspec.Struct, frozen=True):
    """One gateway of a pool, as it describes itself; one of weight 2 gets twice as many clients."""

    name: str
    host: str
    port: int
    state: GatewayState
    connections: int
    capacity: int
    weight: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1


_decode = msgspec.json.Decoder(Gateway).decode
_encode = msgspec.json.Encoder().encode


class Registry:
    """The pools `read` and `write`. Every call raises Unavailable where Redis does not answer in time."""

    def __init__(self, redis: Redis, prefix: str, timeout_s: float) -> None:
        self._redis, self._prefix, self._timeout_s = redis, prefix, timeout_s

    async def announce(self, pool: str, gateway: Gateway, ttl_s: float) -> None:
        """Write *gateway* into *pool*, for *ttl_s*."""
        key = self._key(pool)
        with translated():
            async with asyncio.timeout(self._timeout_s), self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(key, gateway.name, _encode(gateway))
                pipeline.hpexpire(key, int(ttl_s * 1000), gateway.name)
                await pipeline.execute()

    async def withdraw(self, pool: str, name: str) -> None:
        """Take the gateway called *name* out of *pool*."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                await self._redis.hdel(self._key(pool), name)

    async def read(self, pool: str) -> tuple[Gateway, ...]:
        """Return the gateways of *pool* by name; a record that can't be read is left out."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                records: Any = await self._redis.hgetall(self._key(pool))
        return tuple(gateway for _, record in sorted(records.items()) if (gateway := _read(record)) is not None)

    def _key(self, pool: str) -> str:
        return f"{self._prefix}:pool:{pool}"


def _read(record: bytes) -> Gateway | None:
    try:
        return _decode(record)
    except (msgspec.MsgspecError, ValueError):
        log.warning("a record of the registry can't be read", record=record[:80].hex())
        return None
