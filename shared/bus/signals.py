"""Signals: what is told at once and stored nowhere. Who types, whose marker moved, whose presence may have changed.

They go on the channels of the logs that they are about, under a header that is no event's: gateways that don't know it drop
them.
"""

import asyncio
from collections import Counter, deque
from urllib.parse import quote, unquote

import msgspec
import structlog
from redis.asyncio import Redis

from shared.bus.client import is_cancelled, translated
from shared.errors import Invalid, Unavailable

log = structlog.get_logger("ringpost.bus")
VERSION = b"S1"
MOST_WAITING = 10_000
A_CALL = 500


class Signal(msgspec.Struct, frozen=True, gc=False):
    """A finished JSON frame of *origin*, a gateway's own id, about or for *user*."""

    origin: str
    user: str
    frame: bytes


def is_signal(data: bytes) -> bool:
    return data.startswith(VERSION + b" ")


def pack(signal: Signal) -> bytes:
    return b"%s %s %s\n%s" % (VERSION, signal.origin.encode(), quote(signal.user, safe="").encode(), signal.frame)


def unpack(data: bytes) -> Signal:
    """Return the signal that *data* carries.

    Raises:
        Invalid: it is none of ours.
    """
    header, line_end, frame = data.partition(b"\n")
    try:
        version, origin, user = header.decode("ascii").split(" ")
        signal = Signal(origin, unquote(user, errors="strict"), frame)
    except ValueError:
        raise Invalid("A signal has a header that is not ours.") from None
    if version.encode() != VERSION or not line_end or not frame.startswith(b"{"):
        raise Invalid("A signal has a header that is not ours.")
    return signal


class Signals:
    """The way to the other gateways. Nobody waits for it: what Redis does not take is dropped, and counted."""

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, timeout_s
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._wake = asyncio.Event()
        self.counts: Counter[str] = Counter(signals=0, signals_dropped=0)

    def tell(self, channel: str, data: bytes) -> None:
        """Have *data* published soon."""
        if len(self._waiting) >= MOST_WAITING:
            self.counts["signals_dropped"] += 1
            return
        self._waiting.append((channel, data))
        self._wake.set()

    async def run(self) -> None:
        """Publish what waits until cancelled, all that gathered meanwhile in one go."""
        while not is_cancelled():
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                due = [self._waiting.popleft() for _ in range(min(A_CALL, len(self._waiting)))]
                await self._publish(due)

    async def _publish(self, due: list[tuple[str, bytes]]) -> None:
        try:
            with translated():
                async with asyncio.timeout(self._timeout_s), self._redis.pipeline(transaction=False) as pipeline:
                    for channel, data in due:
                        pipeline.publish(channel, data)
                    await pipeline.execute()
        except Unavailable:
            self.counts["signals_dropped"] += len(due)
        else:
            self.counts["signals"] += len(due)
