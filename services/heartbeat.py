"""What a gateway tells the routers of itself, once a second; and whether Redis and Postgres answer it."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from shared.bus.client import is_cancelled
from shared.bus.registry import Gateway, GatewayState, Registry
from shared.errors import Unavailable
from shared.websocket.admissions import Fleet

log = structlog.get_logger("ringpost.gateway")
BEAT_S = 1.0
EAGER_S = 0.2
LOOK_BEATS = 5


class Heartbeat:
    """Announces the gateway in its pools, and tells *learn* who else is in the first of them."""

    def __init__(self, registry: Registry, pools: Sequence[str], ttl_s: float, learn: Callable[[Fleet], None]) -> None:
        self._registry, self._pools, self._ttl_s = registry, pools, ttl_s
        self._learn = learn
        self.redis_answers = False

    async def run(self, describe: Callable[[], Gateway]) -> None:
        """Announce until cancelled; more often while not ready, so that routers learn at once when it is."""
        beats = 0
        while not is_cancelled():
            gateway = describe()
            await self.beat(gateway)
            if beats % LOOK_BEATS == 0:
                await self._look(gateway.name)
            beats += 1
            await asyncio.sleep(BEAT_S if gateway.state is GatewayState.READY else EAGER_S)

    async def beat(self, gateway: Gateway) -> None:
        """Announce *gateway* now. With Redis away the routers keep what they know, and nothing is lost."""
        try:
            for pool in self._pools:
                await self._registry.announce(pool, gateway, self._ttl_s)
        except Unavailable as error:
            if self.redis_answers:
                log.warning("the registry is away; routers keep what they know", error=str(error))
            self.redis_answers = False
        else:
            self.redis_answers = True

    async def _look(self, name: str) -> None:
        with contextlib.suppress(Unavailable):
            self._learn(fleet_of(name, await self._registry.read(self._pools[0])))

    async def withdraw(self, name: str) -> None:
        """Leave the pools; if Redis is away, the record ends by itself."""
        try:
            for pool in self._pools:
                await self._registry.withdraw(pool, name)
        except Unavailable:
            log.info("the registry is away; the record ends by itself")


def fleet_of(name: str, pool: Sequence[Gateway]) -> Fleet:
    """Return what *pool* is to the gateway called *name*, which is one of it."""
    serving = [gateway for gateway in pool if gateway.state is GatewayState.READY]
    others = sum(gateway.name != name for gateway in serving)
    return Fleet(others, sum(gateway.connections for gateway in serving) / max(1, len(serving)))


class Probe:
    """Asks something once a second, and knows how long it has gone unanswered."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        self._ask = ask
        self._answered_at: float | None = None
        self._began_at = time.monotonic()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self._ask()
                self._answered_at = time.monotonic()
            except Unavailable as error:
                log.warning("a probe went unanswered", error=str(error))
            await asyncio.sleep(BEAT_S)

    @property
    def silent_s(self) -> float:
        """How long ago the last answer came; before the first one, since when it is asked."""
        return time.monotonic() - (self._began_at if self._answered_at is None else self._answered_at)

    def is_away(self, patience_s: float) -> bool:
        """Say whether there was no answer yet, or none for *patience_s*."""
        return self._answered_at is None or self.silent_s > patience_s
