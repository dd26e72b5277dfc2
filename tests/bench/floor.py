"""The least that a push can take: one commit, one hop through Redis, one message there and one back, each measured alone."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench.load.address import Address
from tests.bench.pace import Watched
from tests.bench.peers.batches import run_direct
from tests.bench.peers.tables import Tables
from tests.bench.pulse import Pulse, run_pulse

CHANNEL, PAYLOAD = b"hop", b"x" * 400
PARTS = ("commit", "Redis hop", "two TCP hops")


@dataclass(frozen=True, slots=True)
class Floor:
    """What the parts take: a commit of asyncpg's, PUBLISH until the subscriber has it, and an echo over TCP."""

    tables: Tables
    text: str
    redis_url: str
    hop: Address

    async def measure(self, watched: Watched, seconds: float) -> dict[str, Pulse]:
        """Return what each part took, one after the other, a hundred times a second."""
        commit = await run_direct(self.tables, self.text, watched, seconds)
        redis = await self._redis(watched, seconds)
        return dict(zip(PARTS, (commit, redis, await self._tcp(watched, seconds)), strict=True))

    async def _redis(self, watched: Watched, seconds: float) -> Pulse:
        where = urlsplit(self.redis_url)
        address = Address(where.hostname or "", where.port or 0)
        async with AsyncExitStack() as stack:
            (heard, listener), (answered, speaker) = [await _dial(stack, address) for _ in range(2)]
            for answers, writer in ((heard, listener), (answered, speaker)):
                writer.write(_command(b"AUTH", (where.username or "default").encode(), (where.password or "").encode()))
                await answers.readline()
            listener.write(_command(b"SUBSCRIBE", CHANNEL))
            await heard.readuntil(b":1\r\n")
            published = _command(b"PUBLISH", CHANNEL, PAYLOAD)
            message = _command(b"message", CHANNEL, PAYLOAD)

            async def say() -> None:
                speaker.write(published)
                await heard.readexactly(len(message))
                await answered.readline()

            return await run_pulse(say, watched, seconds)

    async def _tcp(self, watched: Watched, seconds: float) -> Pulse:
        async with AsyncExitStack() as stack:
            reader, writer = await _dial(stack, self.hop)

            async def say() -> None:
                writer.write(PAYLOAD)
                await reader.readexactly(len(PAYLOAD))

            return await run_pulse(say, watched, seconds)


def add_up(parts: Sequence[Sequence[float]], draws: int = 20_000) -> list[float]:
    """Return what the parts take one after the other, ascending: each sum is of one value of each, drawn by chance."""
    chance = random.Random(1)
    return sorted(map(sum, zip(*(chance.choices(part, k=draws) for part in parts), strict=True)))


def _command(*words: bytes) -> bytes:
    """Return a command, or a message, of RESP: an array of strings."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


async def _dial(stack: AsyncExitStack, address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    stack.callback(writer.close)
    return reader, writer
