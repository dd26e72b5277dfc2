"""Kills parts of the system while a replay runs, again and again; or stops one for a while."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from deploy.replay.polling import until

TARGETS = ("read", "write", "redis", "postgres", "router")
PAUSES_S = (1.0, 3.0)
RESTART_S, SERVE_S, ASK_S = 30.0, 60.0, 2.0
LONGEST_STOP_S = 600
_POLL_S = 0.1


class NotRestarted(Exception):
    """A process that was killed did not come back, or the system did not serve again."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop *target* (SIGSTOP) for *seconds*."""

    target: str
    seconds: float


def parse_targets(text: str) -> tuple[str, ...]:
    """Return the parts that `read,write,…` names; raise ValueError for another one."""
    targets = tuple(part.strip() for part in text.split(",") if part.strip())
    for target in targets:
        if target not in TARGETS:
            raise ValueError(f"{target!r} is no part of the system; there are {', '.join(TARGETS)}")
    return targets


def parse_stop(text: str) -> Stop:
    """Return what `redis:20` means; raise ValueError for what means nothing."""
    target, _, given = text.partition(":")
    try:
        seconds = float(given or 20)
    except ValueError:
        seconds = 0
    if target not in TARGETS or not 0 < seconds <= LONGEST_STOP_S:
        raise ValueError(f"--stop {text}: give one of {', '.join(TARGETS)}, and seconds up to {LONGEST_STOP_S}: redis:20")
    return Stop(target, seconds)


def choose(processes: Mapping[str, int], target: str, chance: random.Random) -> str | None:
    """Return the name of one process of *target* (`read` is any of read-1, read-2 …); None if none runs."""
    names = members(processes, target)
    return chance.choice(names) if names else None


def members(processes: Mapping[str, int], target: str) -> list[str]:
    """Return the names of all processes of *target*. A gateway that does both is of read and of write."""
    kinds = {target, "both"} if target in ("read", "write") else {target}
    return sorted(name for name in processes if name.partition("-")[0] in kinds)


async def _are_ready(doors: Sequence[str]) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=ASK_S) as client:
        answers = await asyncio.gather(*(client.get(f"{url}/ready") for url in doors), return_exceptions=True)
    return all(isinstance(answer, httpx.Response) and answer.is_success for answer in answers)


class Killer:
    """Takes process ids from *find*, afresh before each kill: who is restarted has another one. `kills` counts.

    *doors*: the URLs at which the system serves.
    """

    def __init__(
        self, find: Callable[[], Mapping[str, int]], doors: Sequence[str], targets: tuple[str, ...], chance: random.Random
    ) -> None:
        self._find, self._doors, self._targets, self._chance = find, doors, targets, chance
        self.kills = 0

    async def run(self) -> None:
        """Kill until this is cancelled: one process at a time, the targets in turn, in an order that the seed gives.

        However slow the machine, the next is killed when the system serves again: one that is never whole proves nothing.

        Raises:
            NotRestarted: the launcher left a killed process dead, or nobody serves though all were started again.
        """
        while True:
            for target in self._chance.sample(self._targets, len(self._targets)):
                await asyncio.sleep(self._chance.uniform(*PAUSES_S))
                await self.kill(target)
                await self._served()

    async def _served(self) -> None:
        for _ in range(int(SERVE_S / _POLL_S)):
            if await _are_ready(self._doors):
                return
            await asyncio.sleep(_POLL_S)
        raise NotRestarted(f"all was started again, and {' or '.join(self._doors)} does not serve after {SERVE_S:.0f} s")

    async def kill(self, target: str) -> None:
        """Kill one process of *target* and wait until the launcher has started another in its place."""
        name = choose(self._find(), target, self._chance)
        if name is None:
            return
        pid = self._find()[name]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        await self.restarted(name, pid)

    async def restarted(self, name: str, pid: int) -> None:
        """Wait until *name* is another process than *pid*."""
        try:
            async with asyncio.timeout(RESTART_S):
                await until(lambda: self._find().get(name, pid) != pid, _POLL_S)
        except TimeoutError:
            raise NotRestarted(f"{name} was killed and not started again within {RESTART_S:.0f} s") from None


async def stop_for(find: Callable[[], Mapping[str, int]], stop: Stop) -> None:
    """Stop every process of the target, and let them go on after the time, whatever happens."""
    processes = find()
    pids = [processes[name] for name in members(processes, stop.target)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(stop.seconds)
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
