"""What Redis (or Valkey) says of itself to an operator: one look, changing nothing."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from shared.bus.client import connect, translated
from shared.bus.registry import Gateway, Registry

POOLS = ("read", "write")


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """*has_field_ttl*: fields of a hash may end by themselves, which the registry needs. *pubsub_bytes*: from so many unread
    bytes on a subscriber is cut (0: never). *clock_s*: how far its clock is ahead of ours. None: it does not tell."""

    server: str
    version: str
    has_field_ttl: bool
    used_bytes: int
    most_bytes: int
    policy: str
    evicted: int
    connections: int
    most_connections: int
    pubsub_bytes: int | None
    clock_s: float
    pools: Mapping[str, tuple[Gateway, ...]]


async def inspect(redis_url: str, prefix: str, timeout_s: float) -> RedisFacts:
    """Return the facts; raise Unavailable where Redis does not answer in time."""
    redis = connect(redis_url, timeout_s)
    try:
        with translated():
            async with asyncio.timeout(timeout_s):
                info: dict[str, Any] = await redis.info()
                seconds, microseconds = await redis.time()
                clock_s = seconds + microseconds / 1e6 - time.time()
                limits = await _read_limits(redis)
        registry = Registry(redis, prefix, timeout_s)
        pools = {pool: await registry.read(pool) for pool in POOLS}
    finally:
        await redis.aclose()
    return _facts(info, limits, clock_s, pools)


async def _read_limits(redis: Any) -> str | None:
    try:
        found = await redis.config_get("client-output-buffer-limit")
    except RedisError:  # a user who may not ask
        return None
    return next((str(_text(value)) for value in found.values()), None)


def _facts(info: Mapping[str, Any], limits: str | None, clock_s: float, pools: Mapping[str, tuple[Gateway, ...]]) -> RedisFacts:
    is_valkey = "valkey_version" in info
    version = str(info["valkey_version" if is_valkey else "redis_version"])
    least = (9, 0) if is_valkey else (7, 4)
    return RedisFacts(
        server="Valkey" if is_valkey else "Redis",
        version=version,
        has_field_ttl=tuple(int(part) for part in version.split(".")[:2]) >= least,
        used_bytes=int(info["used_memory"]),
        most_bytes=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        evicted=int(info.get("evicted_keys", 0)),
        connections=int(info["connected_clients"]),
        most_connections=int(info.get("maxclients", 0)),
        pubsub_bytes=read_pubsub_limit(limits) if limits is not None else None,
        clock_s=clock_s,
        pools=pools,
    )


def read_pubsub_limit(limits: str) -> int | None:
    """Return the hard limit of `pubsub` in what Redis answers: class, hard, soft, seconds, class …"""
    words = limits.split()
    return int(words[words.index("pubsub") + 1]) if "pubsub" in words else None


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
