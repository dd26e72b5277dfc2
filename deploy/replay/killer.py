"""Kills parts of the system while a replay runs, again and again; or stops one for a while."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.replay.polling import until

TARGETS = ("read", "write", "redis", "postgres", "router")
PAUSES_S = (1.0, 3.0)
RESTART_S = 30.0
LONGEST_STOP_S = 600
_POLL_S = 0.1


class NotRestarted(Exception):
    """A process that was killed did not come back."""


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


class Killer:
    """Takes process ids from *find*, afresh before each kill: who is restarted has another one. `kills` counts."""

    def __init__(self, find: Callable[[], Mapping[str, int]], targets: tuple[str, ...], chance: random.Random) -> None:
        self._find, self._targets, self._chance = find, targets, chance
        self.kills = 0

    async def run(self) -> None:
        """Kill until this is cancelled: one process at a time, the targets in turn, in an order that the seed gives.

        Raises:
            NotRestarted: the launcher left a killed process dead.
        """
        while True:
            for target in self._chance.sample(self._targets, len(self._targets)):
                await asyncio.sleep(self._chance.uniform(*PAUSES_S))
                await self.kill(target)

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
