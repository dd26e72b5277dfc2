"""Restarts gateways one after another while a replay runs, as a deploy does: told to stop, waited for, and the next one."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping

from deploy.replay.killer import members
from deploy.replay.polling import until
from shared.bus.client import connect
from shared.bus.registry import GatewayState, Registry
from shared.errors import Unavailable

POOLS = ("read", "write")
DRAINED_S, READY_S = 60.0, 30.0
REDIS_TIMEOUT_S = 2.0
_POLL_S = 0.1


class NotRolled(Exception):
    """A gateway that was told to stop did not, or did not come back."""


def parse_pools(text: str) -> tuple[str, ...]:
    """Return the pools that `read,write` names; raise ValueError for anything else."""
    pools = tuple(part.strip() for part in text.split(",") if part.strip())
    for pool in pools:
        if pool not in POOLS:
            raise ValueError(f"--roll: {pool!r} is no pool of gateways; there are {', '.join(POOLS)}")
    return pools


class Roller:
    """Takes process ids from *find*, and from the registry who is ready. `restarts` counts."""

    def __init__(self, find: Callable[[], Mapping[str, int]], redis_url: str, prefix: str, pools: tuple[str, ...]) -> None:
        self._find, self._pools = find, pools
        self._redis = connect(redis_url, REDIS_TIMEOUT_S)
        self._registry = Registry(self._redis, prefix, REDIS_TIMEOUT_S)
        self.restarts = 0

    async def run(self) -> None:
        """Restart every gateway of the pools once, each when the one before is ready again.

        Raises:
            NotRolled: one did not stop, or did not become ready.
        """
        try:
            done = set[str]()
            for pool in self._pools:
                for name in members(self._find(), pool):
                    if name not in done:
                        await self._restart(name, pool)
                        done.add(name)
        finally:
            await self._redis.aclose()

    async def _restart(self, name: str, pool: str) -> None:
        pid = self._find()[name]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(DRAINED_S):
                await until(lambda: self._find().get(name, pid) != pid, _POLL_S)
        except TimeoutError:
            raise NotRolled(f"{name} was told to stop and has not been started again within {DRAINED_S:.0f} s") from None
        await self._ready(name, pool)
        self.restarts += 1

    async def _ready(self, name: str, pool: str) -> None:
        for _ in range(int(READY_S / _POLL_S)):
            if await self._is_ready(name, pool):
                return
            await asyncio.sleep(_POLL_S)
        raise NotRolled(f"{name} was started again and is not ready after {READY_S:.0f} s")

    async def _is_ready(self, name: str, pool: str) -> bool:
        try:
            listed = await self._registry.read(pool)
        except Unavailable:
            return False
        return any(gateway.name == name and gateway.state is GatewayState.READY for gateway in listed)
