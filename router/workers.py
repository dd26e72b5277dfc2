"""More processes of the relay: each watches for itself and takes its part of the connections; their router adds up."""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from router.pool import NONE, Share
from router.status import WorkerStatus
from shared.bus.client import is_cancelled

log = structlog.get_logger("ringpost.router")
PAUSE_S, STOP_S = 0.5, 5.0


class Told(msgspec.Struct, frozen=True):
    """What a worker tells of itself, once a second: *metrics*, what is *degraded*, its table and connections by pool."""

    metrics: Mapping[str, float] = {}
    degraded: Sequence[str] = ()
    signatures: Mapping[str, str] = {}
    shares: Mapping[str, Mapping[str, Share]] = {}


NOTHING = Told()
_decode = msgspec.json.Decoder(Told).decode


class Workers:
    """So *many* workers; one that ends is started anew. They end when their standard input does, so with this process."""

    def __init__(self, many: int) -> None:
        self._told = [NOTHING] * many
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._ended = Counter[str]()
        self._restarts = 0
        self._is_stopping = False

    async def run(self, on_told: Callable[[], None]) -> None:
        """Keep them running until cancelled; *on_told* is called when one has told something new, or has ended."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self._told)):
                tasks.create_task(self._keep(number, on_told))

    async def stop(self, grace_s: float) -> None:
        """Have them take nothing more and end what they carry."""
        self._is_stopping = True
        children = list(self._children.values())
        for child in children:
            assert child.stdin is not None
            child.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s + STOP_S):
                await asyncio.gather(*(child.wait() for child in children))

    # What they told last.

    def metrics(self) -> Counter[str]:
        """Return the sum."""
        total = Counter[str](self._ended)
        total["router_worker_restarts_total"] = self._restarts
        for told in self._told:
            total.update(told.metrics)
        return total

    def shares(self, pool: str) -> Mapping[str, Share]:
        """Return the sum of their connections at each gateway of *pool*."""
        total: dict[str, Share] = {}
        for told in self._told:
            for name, share in told.shares.get(pool, {}).items():
                before = total.get(name, NONE)
                total[name] = Share(before.open + share.open, before.since_heard + share.since_heard)
        return total

    def degraded(self) -> Sequence[str]:
        numbered = list(enumerate(self._told, start=1))
        down = [f"worker {number} is not up" for number, told in numbered if told is NOTHING]
        return [*down, *(f"worker {number}: {words}" for number, told in numbered for words in told.degraded)]

    def statuses(self) -> Sequence[WorkerStatus]:
        return [self._status(number, told) for number, told in enumerate(self._told)]

    def _status(self, number: int, told: Told) -> WorkerStatus:
        child = self._children.get(number)
        connections = {pool: sum(share.open for share in shares.values()) for pool, shares in told.shares.items()}
        return WorkerStatus(child.pid if child and told is not NOTHING else None, told.signatures, connections)

    # Their lives.

    async def _keep(self, number: int, on_told: Callable[[], None]) -> None:
        while not is_cancelled() and not self._is_stopping:
            await self._run(number, on_told)
            # What it had counted stays counted; what it had open is gone.
            self._ended.update({name: n for name, n in self._told[number].metrics.items() if "_total{" in name})
            self._told[number] = NOTHING
            on_told()
            if not self._is_stopping:
                self._restarts += 1
                log.error("a worker ended; it is started anew", worker=number + 1)
                await asyncio.sleep(PAUSE_S)

    async def _run(self, number: int, on_told: Callable[[], None]) -> None:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "router.worker", stdin=pipe, stdout=pipe)
        self._children[number] = child
        assert child.stdout is not None
        try:
            while line := await child.stdout.readline():
                self._told[number] = _decode(line)
                on_told()
            await child.wait()
        finally:
            del self._children[number]
            if child.returncode is None:
                child.kill()
