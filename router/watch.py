"""Keeps pools as their members are: reads who is in them, looks at each gateway, and swaps the table when that changes it."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from router.health import State
from router.members import Members
from router.pool import Pool
from router.probe import probe
from router.table import make_table
from shared.bus.client import is_cancelled
from shared.bus.registry import Gateway
from shared.errors import Unavailable

log = structlog.get_logger("ringpost.router")


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often members are read and looked at, and how long a look may take."""

    read_s: float
    probe_s: float
    probe_timeout_s: float


class Watch:
    """Keeps *pools* as *members* and probes say. Where members can't be read, they stay as they were."""

    def __init__(self, members: Members, pools: Sequence[Pool], cadence: Cadence) -> None:
        self._members, self._cadence = members, cadence
        self._followed = [_Followed(pool) for pool in pools]
        self.are_members_known = False

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for followed in self._followed:
                tasks.create_task(self._read(followed))
                tasks.create_task(self._look(followed))

    async def ask(self) -> Sequence[Gateway]:
        """Return the members that answer now, be they ready or not; nobody where members can't be read."""
        gateways = list[Gateway]()
        for followed in self._followed:
            with contextlib.suppress(Unavailable):
                gateways += await self._members.read(followed.pool.name)
        states = await asyncio.gather(*(probe(gateway, self._cadence.probe_timeout_s) for gateway in gateways))
        return [gateway for gateway, state in zip(gateways, states, strict=True) if state is not State.DOWN]

    async def _read(self, followed: "_Followed") -> None:
        while not is_cancelled():
            try:
                listed = await self._members.read(followed.pool.name)
            except Unavailable as error:
                self._say_unknown(followed.pool, error)
            else:
                self.are_members_known = True
                if followed.pool.learn(listed, time.monotonic()):
                    followed.newcomer.set()
                await followed.settle()
            await asyncio.sleep(self._cadence.read_s)

    def _say_unknown(self, pool: Pool, error: Unavailable) -> None:
        if self.are_members_known:
            log.warning("the members can't be read; the pool stays as it was", pool=pool.name, error=str(error))
        self.are_members_known = False

    async def _look(self, followed: "_Followed") -> None:
        pool, cadence = followed.pool, self._cadence
        while not is_cancelled():
            followed.newcomer.clear()
            names, gateways = list(pool.known), [known.gateway for known in pool.known.values()]
            states = await asyncio.gather(*(probe(gateway, cadence.probe_timeout_s) for gateway in gateways))
            pool.look(dict(zip(names, states, strict=True)), time.monotonic())
            await followed.settle()
            try:
                async with asyncio.timeout(cadence.probe_s):
                    await followed.newcomer.wait()
            except TimeoutError:
                continue


class _Followed:
    """A pool, and what wakes its next round of looks."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.newcomer = asyncio.Event()
        self._settling = asyncio.Lock()

    async def settle(self) -> None:
        """Give the pool the table that it wants; the table is made in a thread, so that connections go on meanwhile."""
        pool = self.pool
        async with self._settling:
            before, wanted = pool.table, pool.wanted(time.monotonic())
            if wanted == before.ring.weights:
                return
            pool.adopt(await asyncio.to_thread(make_table, wanted, pool.shape), time.monotonic())
            change = pool.changes[-1]
            log.info(
                "the table changed",
                pool=pool.name,
                gateways=list(pool.table.names),
                joined=change.joined,
                left=change.left,
                moved=round(change.moved, 4),
                signature=pool.table.signature,
                frozen=pool.is_frozen,
            )
