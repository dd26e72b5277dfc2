"""The buckets of tokens that all gateways share: what each gateway took is taken out of them afterwards, many in one call.

A bucket is a string, `level at`: its tokens, and Redis's own time in microseconds. It is kept until it would be full again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from redis.asyncio import Redis

from shared.bus.client import translated

DEBT_BURSTS = 10
_BUCKETS_A_CALL = 200

# What was used is taken out before the bucket is filled up to now: the other way round it would overflow first, and a gateway
# alone would be held to less than its rate. A bucket that Redis does not know begins where the gateway that tells of it stands.
_DEBIT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local levels = {}
for i, key in ipairs(KEYS) do
    local used, level = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
    local rate, burst = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
    local before, at = string.match(redis.call('GET', key) or '', '^(%S+) (%d+)$')
    if before then
        level = math.min(burst, before - used + rate * math.max(0, now - at) / 1000000)
    end
    level = math.max(level, -ARGV[1] * burst)
    local full_ms = math.ceil((burst - level) / rate * 1000) + 1000
    redis.call('SET', key, string.format('%.6f %.0f', level, now), 'PX', math.min(full_ms, 3600000))
    levels[i] = string.format('%.6f', level)
end
return levels
"""


class Kind(StrEnum):
    USER = "user"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class Debit:
    """What a gateway took out of one bucket: *used* tokens since it last told, which leave *level* as far as it knows.

    A bucket is known by its kind, its name and its *rate* (tokens a second, above 0); *burst* is what it holds at most.
    """

    kind: Kind
    name: str
    rate: float
    burst: float
    used: int
    level: float


class SharedBuckets:
    """The buckets in Redis. All times are Redis's own, so gateways' clocks need not agree."""

    def __init__(self, redis: Redis, prefix: str, timeout_s: float) -> None:
        self._prefix, self._timeout_s = prefix, timeout_s
        self._debit = redis.register_script(_DEBIT)

    async def debit(self, debits: Sequence[Debit]) -> list[float]:
        """Take what was used out of each bucket; return their levels, in order.

        A level is below zero where gateways together took more than there was, but never by more than ten bursts.

        Raises:
            Unavailable: Redis did not answer all of it in time; some may have been taken out.
        """
        levels: list[float] = []
        with translated():
            async with asyncio.timeout(self._timeout_s):
                for start in range(0, len(debits), _BUCKETS_A_CALL):
                    levels += await self._call(debits[start : start + _BUCKETS_A_CALL])
        return levels

    async def _call(self, debits: Sequence[Debit]) -> list[float]:
        arguments = [part for d in debits for part in (d.used, d.level, d.rate, d.burst)]
        answer: Any = await self._debit([self._key(d) for d in debits], [DEBT_BURSTS, *arguments])
        return [float(level) for level in answer]

    def _key(self, debit: Debit) -> str:
        name = blake2b(f"{debit.rate!r} {debit.name}".encode(), digest_size=16).hexdigest()
        return f"{self._prefix}:rate:{debit.kind}:{name}"
