"""One subscription of a gateway to many channels, that comes back by itself and says when it was away.

Its own connection: reads wait without an end, so a ping on the same connection tells whether Redis is still there.
"""

import asyncio
from collections.abc import Callable

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from shared.bus.client import is_cancelled, translated
from shared.errors import Unavailable

log = structlog.get_logger("ringpost.bus")
PING_S = 1.0
PAUSE_S = 0.2
SETTLE_S = 0.5
BATCH = 500


class Subscription:
    """The channels that a gateway listens to. `subscribe` and `unsubscribe` return at once; the loop carries them out."""

    def __init__(self, redis: Redis, timeout_s: float) -> None:
        self._redis, self._timeout_s = redis, timeout_s
        self._wanted: set[bytes] = set()
        self._to_add: set[bytes] = set()
        self._to_drop: set[bytes] = set()
        self._unconfirmed: set[bytes] = set()
        self._changed = asyncio.Event()
        self._progress = asyncio.Event()
        self.is_connected = False
        self.reconnects = 0
        self._told_to_reopen = asyncio.Event()
        self._is_complete = False
        self.on_message: Callable[[bytes, bytes], None] = lambda channel, payload: None
        self.on_complete: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._wanted)

    def subscribe(self, channel: bytes) -> None:
        self._wanted.add(channel)
        self._unconfirmed.add(channel)
        self._to_drop.discard(channel)
        self._to_add.add(channel)
        self._changed.set()

    def unsubscribe(self, channel: bytes) -> None:
        self._wanted.discard(channel)
        self._unconfirmed.discard(channel)
        self._to_add.discard(channel)
        self._to_drop.add(channel)
        self._changed.set()

    def reopen(self) -> None:
        """Tear the connection down and open a new one: it seems to be there, and hears nothing."""
        self._told_to_reopen.set()

    async def settled(self) -> None:
        """Wait until all channels wanted now are confirmed; or, with Redis away, for a moment only.

        A head read after this misses no publication, unless Redis is away, where the comparison of heads serves.
        """
        wanted = frozenset(self._unconfirmed)
        try:
            async with asyncio.timeout(SETTLE_S):
                while self.is_connected and not wanted.isdisjoint(self._unconfirmed):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            log.warning("Redis is slow to confirm a subscription")

    async def run(self) -> None:
        """Listen until cancelled; connect again whenever the connection ends or falls silent."""
        while not is_cancelled():
            try:
                await self._listen()
            except Unavailable as error:
                log.warning("the subscription is away", error=type(error.__cause__).__name__)
            self._progress.set()
            self.reconnects += 1
            await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        connection: AbstractConnection = self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py
        fault: BaseException | None = None
        try:
            with translated():
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py
            self._begin()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(connection))
                tasks.create_task(self._await_reopening())
                # Not a task: in Python 3.11 a group whose tasks fail after its body leaves its own task marked as cancelled.
                await self._read(connection)
        except* (TimeoutError, RedisError, OSError) as group:
            fault = group.exceptions[0]
        finally:
            self.is_connected = False
            await connection.disconnect(nowait=True)
        if is_cancelled():
            raise asyncio.CancelledError  # a group whose task failed in the same moment forgets it
        if fault is not None:
            raise Unavailable("Redis is away.") from fault

    def _begin(self) -> None:
        self._to_add, self._to_drop, self._unconfirmed = set(self._wanted), set(), set(self._wanted)
        self.is_connected = True
        self._is_complete = False
        self._told_to_reopen.clear()

    async def _await_reopening(self) -> None:
        await self._told_to_reopen.wait()
        raise TimeoutError("the subscription is opened anew")

    async def _read(self, connection: AbstractConnection) -> None:
        """Hand on messages. The pings' answers are among what is read, so silence means that Redis is away."""
        while not is_cancelled():
            response = await connection.read_response(timeout=PING_S + self._timeout_s, disconnect_on_error=False)
            if response is None:
                raise TimeoutError("the subscription fell silent")
            kind = response[0]
            if kind == b"message":
                self.on_message(response[1], response[2])
            elif kind == b"subscribe":
                self._confirm(response[1])
        raise asyncio.CancelledError  # or else the group would wait for the other tasks, which nobody has told to end

    def _confirm(self, channel: bytes) -> None:
        """Once all channels of a new connection are confirmed, what was published meanwhile may be looked for."""
        self._unconfirmed.discard(channel)
        self._progress.set()
        if not self._unconfirmed and not self._is_complete:
            self._is_complete = True
            self.on_complete()

    async def _write(self, connection: AbstractConnection) -> None:
        """Carry out what was asked for, and ping once a second."""
        while not is_cancelled():
            await self._change(connection, "UNSUBSCRIBE", self._to_drop)
            await self._change(connection, "SUBSCRIBE", self._to_add)
            await connection.send_command("PING")
            self._changed.clear()
            try:
                async with asyncio.timeout(PING_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _change(self, connection: AbstractConnection, verb: str, channels: set[bytes]) -> None:
        names = list(channels)
        channels.clear()
        for start in range(0, len(names), BATCH):
            await connection.send_command(verb, *names[start : start + BATCH])
