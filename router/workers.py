"""More processes of the relay: each watches for itself and takes its part of the connections; their router adds up."""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Mapping

import msgspec
import structlog

from shared.bus.client import is_cancelled

log = structlog.get_logger("ringpost.router")
PAUSE_S, STOP_S = 0.5, 5.0
_decode = msgspec.json.Decoder(dict[str, float]).decode


class Workers:
    """So *many* workers; one that ends is started anew. They end when their standard input does, so with this process."""

    def __init__(self, many: int) -> None:
        self._told: list[Mapping[str, float]] = [{}] * many
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._ended = Counter[str]()
        self._restarts = 0
        self._is_stopping = False

    async def run(self) -> None:
        """Keep them running until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self._told)):
                tasks.create_task(self._keep(number))

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

    def metrics(self) -> Counter[str]:
        """Return the sum of what they told last."""
        total = Counter[str](self._ended)
        total["router_worker_restarts_total"] = self._restarts
        for told in self._told:
            total.update(told)
        return total

    async def _keep(self, number: int) -> None:
        while not is_cancelled() and not self._is_stopping:
            await self._run(number)
            # What it had counted stays counted; what it had open is gone.
            self._ended.update({name: n for name, n in self._told[number].items() if "_total" in name})
            self._told[number] = {}
            if not self._is_stopping:
                self._restarts += 1
                log.error("a worker ended; it is started anew", worker=number + 1)
                await asyncio.sleep(PAUSE_S)

    async def _run(self, number: int) -> None:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "router.worker", stdin=pipe, stdout=pipe)
        self._children[number] = child
        assert child.stdout is not None
        try:
            while line := await child.stdout.readline():
                self._told[number] = _decode(line)
            await child.wait()
        finally:
            del self._children[number]
            if child.returncode is None:
                child.kill()
