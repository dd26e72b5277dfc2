"""Watches the registry, and asks the gateways that it has lost sight of."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from router.pool import Pool
from shared.bus.client import is_cancelled
from shared.bus.registry import Gateway, Registry
from shared.errors import Unavailable

log = structlog.get_logger("ringpost.router")
READ_S = 0.5
PROBE_TIMEOUT_S = 1.0


class Watch:
    """Keeps pools as the registry says. With Redis away they stay as they were."""

    def __init__(self, registry: Registry, pools: Sequence[Pool]) -> None:
        self._registry, self._pools = registry, pools
        self.heard_at: float | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        while not is_cancelled():
            for pool in self._pools:
                await self._read(pool)
            await asyncio.sleep(READ_S)

    async def _read(self, pool: Pool) -> None:
        try:
            listed = await self._registry.read(pool.name)
        except Unavailable as error:
            log.warning("the registry is away; the pool stays as it was", pool=pool.name, error=str(error))
            return
        before = pool.table.names
        self.heard_at = time.monotonic()
        for gateway in pool.learn(listed, time.monotonic()):
            if not await answers(gateway):
                pool.gone(gateway.name, time.monotonic())
        if pool.table.names != before:
            log.info("the pool changed", pool=pool.name, gateways=list(pool.table.names), frozen=pool.is_frozen)


async def answers(gateway: Gateway) -> bool:
    """Say whether *gateway* answers GET /live in time."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
            try:
                writer.write(b"GET /live HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.1 200")
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return False
