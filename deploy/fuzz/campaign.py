"""Many schedules side by side, what became of them, and the smallest that still fails of each that failed."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

from deploy.fuzz.births import Mother
from deploy.fuzz.checker import Verdict, check
from deploy.fuzz.generator import make_step_schedule
from deploy.fuzz.schedule import Schedule, Sdk
from deploy.fuzz.shrinker import Shrinker
from deploy.fuzz.site import Site
from deploy.fuzz.stage import Stage
from deploy.local.access import Access

SHRINK_TRIES = 40
AGAIN_TRIES = 3
SURVIVORS = 3


@dataclass(frozen=True, slots=True)
class Choices:
    """How to play. *targets*: what of the system may be killed; no schedule begins once *failures* many have failed."""

    targets: tuple[str, ...] = ()
    side_by_side: int = 6
    failures: int = 3
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that failed, and with what; *smallest* is None where it did not fail again alone."""

    schedule: Schedule
    verdict: Verdict
    smallest: Schedule | None = None
    of_smallest: Verdict | None = None


@dataclass(slots=True)
class Tally:
    """What one SDK went through so far."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, counts: Counter[str], verdict: Verdict) -> None:
        self.counts += counts
        self.counts["schedules"] += 1
        self.counts["seen_again"] += verdict.seen_again
        self.faults += verdict.counts


class Campaign:
    """Plays schedules with the mothers' clients at *site*; `tallies` can be looked at meanwhile, and `phase`."""

    def __init__(self, site: Site, mothers: Mapping[Sdk, Mother], choices: Choices) -> None:
        self._site, self._mothers, self._choices = site, mothers, choices
        self._run, self._plays = token_hex(4), 0
        self.tallies = {sdk: Tally() for sdk in mothers}
        self.phase = "playing"
        self.seconds = 0.0

    @property
    def played(self) -> int:
        return sum(tally.counts["schedules"] for tally in self.tallies.values())

    @property
    def kills(self) -> int:
        """How many parts of the system were killed."""
        return self._site.kills

    def each_step(self) -> Iterator[Schedule]:
        """Yield schedules for `run`: clients that die at the first step of a send, the second …, to the last that there is."""
        for sdk, tally in self.tallies.items():
            for step in count(1):
                # One step more or less is chance: a ping, a timer.
                if tally.counts["schedules"] - tally.counts["died_at_a_step"] >= SURVIVORS:
                    break
                yield make_step_schedule(sdk, step)

    async def run(self, schedules: Iterator[Schedule]) -> None:
        """Play them all, or until so many have failed; then make those small."""
        began = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._choices.side_by_side):
                    group.create_task(self._work(schedules))
        finally:
            self.seconds = time.perf_counter() - began
        for tally in self.tallies.values():
            tally.failures = [await self._shrink(failure) for failure in tally.failures]

    async def _work(self, schedules: Iterator[Schedule]) -> None:
        for schedule in schedules:
            tally = self.tallies[schedule.sdk]
            counts, verdict = await self._play(schedule)
            tally.add(counts, verdict)
            if not verdict.is_clean:
                tally.failures.append(Failure(schedule, verdict))
            if sum(len(tally.failures) for tally in self.tallies.values()) >= self._choices.failures:
                return

    async def _play(self, schedule: Schedule) -> tuple[Counter[str], Verdict]:
        self._plays += 1
        name = f"fuzz-{self._run}-{self._plays}"
        played = await Stage(schedule, self._mothers[schedule.sdk], self._site, name).play()
        return played.counts, check(played.case)

    async def _shrink(self, failure: Failure) -> Failure:
        """Take steps away as long as it fails, alone."""
        self.phase = f"making schedule {failure.schedule.number} small"
        again = await self._fails(failure.schedule, AGAIN_TRIES)
        if again is None:
            return failure
        shrinker, verdict = Shrinker(failure.schedule, SHRINK_TRIES), again
        while (candidate := shrinker.candidate()) is not None:
            found = await self._fails(candidate, 1)
            verdict = found or verdict
            shrinker.judge(fails=found is not None)
        return Failure(failure.schedule, failure.verdict, shrinker.best, verdict)

    async def _fails(self, schedule: Schedule, tries: int) -> Verdict | None:
        """Return the verdict of a play that fails, if one of so many does."""
        for _ in range(tries):
            _, verdict = await self._play(schedule)
            if not verdict.is_clean:
                return verdict
        return None


@asynccontextmanager
async def prepared(access: Access, makers: Mapping[Sdk, Callable[[], Mother]], choices: Choices) -> AsyncIterator[Campaign]:
    """Yield a campaign against the system at *access*; with it end the processes of its clients."""
    site = Site(access, choices.targets, random.Random(choices.seed))  # noqa: S311  # which gateway is killed, not a secret
    mothers: dict[Sdk, Mother] = {}
    try:
        for sdk, make in makers.items():
            mothers[sdk] = make()
        yield Campaign(site, mothers, choices)
    finally:
        for mother in mothers.values():
            await mother.close()
        await site.close()
