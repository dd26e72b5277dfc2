"""Publishing, and keeping what was published lately: one script call for many logs, on a connection of its own.

The command is packed by hiredis at once: redis-py's own packing took longer than all else about a publication.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1

import msgspec
from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError

from shared.bus.client import translated

RECENT_PAYLOADS, RECENT_S = 100, 300
_LOGS_A_CALL = 100

# A stream's entry is found by the seq that it begins with; one that comes late, after another gateway's later one, is left out:
# a hole costs its reader a query.
_PUBLISH = """
for i, key in ipairs(KEYS) do
    local channel, first, payload, lasting = unpack(ARGV, 4 * i - 1, 4 * i + 2)
    redis.call('PUBLISH', channel, payload)
    redis.pcall('XADD', key, 'MAXLEN', '~', ARGV[1], first, '', payload)
    if lasting == '1' then redis.call('EXPIRE', key, ARGV[2]) end
end
"""
_SHA = sha1(_PUBLISH.encode(), usedforsecurity=False).hexdigest()


class Publication(msgspec.Struct, frozen=True, gc=False):
    """A payload for *channel*, kept for a while as one of the recent ones under *key*, whose events begin at *first*.

    *lasting*: the key's time to live begins anew.
    """

    channel: str
    key: str
    first: int
    payload: bytes
    lasting: bool


class Bus:
    """The way to all who listen."""

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, timeout_s
        self._connection: AbstractConnection | None = None

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Publish, in order, and keep the recent payloads of each log.

        Raises:
            Unavailable: Redis did not answer in time; some of them may have been published.
        """
        for start in range(0, len(publications), _LOGS_A_CALL):
            with translated():
                async with asyncio.timeout(self._timeout_s):
                    await self._call(publications[start : start + _LOGS_A_CALL])

    async def close(self) -> None:
        """End the connection for publishing."""
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)

    async def _call(self, publications: Sequence[Publication]) -> None:
        arguments = [part for p in publications for part in (p.channel, p.first, p.payload, int(p.lasting))]
        command = ("EVALSHA", _SHA, len(publications), *(p.key for p in publications), RECENT_PAYLOADS, RECENT_S, *arguments)
        packed = _pack(command)
        try:
            await self._ask(packed)
        except NoScriptError:
            await self._ask(_pack(("SCRIPT", "LOAD", _PUBLISH)))
            await self._ask(packed)

    async def _ask(self, packed: bytes) -> None:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py
        try:
            await connection.send_packed_command(packed, check_health=False)
            await connection.read_response()
        except NoScriptError:
            raise
        except BaseException:
            # An answer that comes later would be taken for that of the next command.
            await connection.disconnect(nowait=True)
            raise


def _pack(command: tuple[str | bytes | int, ...]) -> bytes:
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # hiredis's types name a tuple of one
    return packed
