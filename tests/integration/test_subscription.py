"""A subscription that is cut, or told to, comes back by itself, every time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shared.bus.client import connect
from shared.bus.subscription import Subscription
from tests.wire import wired

TIMEOUT_S = 1.0


@asynccontextmanager
async def listening(url: str, channel: bytes) -> AsyncIterator[tuple[Subscription, asyncio.Queue[bytes]]]:
    """A subscription that runs, and what it hears; `on_complete` is told as b"complete"."""
    redis, heard = connect(url, TIMEOUT_S), asyncio.Queue[bytes]()
    subscription = Subscription(redis, TIMEOUT_S)
    subscription.on_message = lambda channel, payload: heard.put_nowait(payload)
    subscription.on_complete = lambda: heard.put_nowait(b"complete")
    subscription.subscribe(channel)
    running = asyncio.create_task(subscription.run())
    try:
        async with asyncio.timeout(20):
            yield subscription, heard
    finally:
        running.cancel()
        await redis.aclose()


async def test_a_subscription_that_is_cut_comes_back_every_time(redis_url: str, prefix: str) -> None:
    publisher, channel = connect(redis_url, TIMEOUT_S), prefix.encode()
    async with wired(redis_url) as (url, wire), listening(url, channel) as (subscription, heard):
        for n in range(5):
            assert await heard.get() == b"complete"
            await publisher.publish(channel, str(n))
            assert await heard.get() == str(n).encode()
            assert subscription.reconnects == n
            wire.cut()
    await publisher.aclose()


async def test_a_subscription_that_is_told_to_opens_anew(redis_url: str, prefix: str) -> None:
    publisher, channel = connect(redis_url, TIMEOUT_S), prefix.encode()
    async with listening(redis_url, channel) as (subscription, heard):
        for n in range(5):
            assert await heard.get() == b"complete"
            assert subscription.is_connected
            await publisher.publish(channel, str(n))
            assert await heard.get() == str(n).encode()
            subscription.reopen()
    await publisher.aclose()


async def test_a_subscription_that_falls_silent_comes_back(redis_url: str, prefix: str) -> None:
    async with wired(redis_url) as (url, wire), listening(url, prefix.encode()) as (subscription, heard):
        assert await heard.get() == b"complete"
        wire.hold()
        while subscription.is_connected:  # noqa: ASYNC110  # nobody tells a silence
            await asyncio.sleep(0.05)
        wire.release()
        wire.cut()
        assert await heard.get() == b"complete"


class Losing:
    """A connection to Redis that loses a cancellation, as Python 3.11 does where the answer comes in the same turn."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.has_lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def read_response(self, **how: Any) -> Any:
        try:
            return await self._connection.read_response(**how)
        except asyncio.CancelledError:
            self.has_lost = True
            return [b"pong", b""]


async def test_a_subscription_ends_though_its_connection_loses_the_cancellation(redis_url: str) -> None:
    redis = connect(redis_url, TIMEOUT_S)
    connection = Losing(redis.connection_pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py
    redis.connection_pool.make_connection = lambda: connection  # type: ignore[method-assign]
    subscription = Subscription(redis, TIMEOUT_S)
    running = asyncio.create_task(subscription.run())
    while not subscription.is_connected:  # noqa: ASYNC110  # nobody tells it
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)

    running.cancel()
    done, _ = await asyncio.wait([running], timeout=5)

    assert connection.has_lost
    assert done
    assert running.cancelled()
    await redis.aclose()
