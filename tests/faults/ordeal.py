"""Writers are killed under load, and the Postgres behind them; then all that was heard, stored and seen is judged."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from secrets import token_hex

from deploy.replay.polling import until
from tests.faults.crowd import POLL_S, Crowd, Size, create_rooms
from tests.faults.fleet import Fleet, Moment, open_fleet
from tests.faults.invariants import Logs
from tests.faults.patience import within
from tests.faults.place import Place
from tests.faults.postgres import MortalPostgres
from tests.faults.record import Record
from tests.gateways import Site

WRITERS = 3
HEALED_ACKS, HEAL_S = 50, 30.0
BETWEEN_S = (0.2, 1.0)
# The last is longer than sends wait for a commit: they are put off.
DOWN_S = (0.0, 0.5, 1.0, 7.0)
POSTGRES = "postgres"
_GATEWAY_MOMENTS = (Moment.ANY, Moment.COMMITTED, Moment.ANY, Moment.UNPUBLISHED)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be killed, in order: a gateway at a moment, or Postgres (None)."""

    kills: Sequence[Moment | None]
    seed: int
    size: Size = field(default_factory=Size)


@dataclass(frozen=True, slots=True)
class Kill:
    """What is killed, and how many sends wait for an answer then."""

    target: str
    moment: Moment
    in_flight: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left. *late*: how many sends were tried again after all.

    Seconds: of the whole; from the last kill to the last answer; from there to the last event that a reader was shown.
    """

    record: Record
    logs: Logs
    kills: Sequence[Kill]
    late: int
    seconds: float
    settle_s: float
    deliver_s: float


def make_plan(gateway_kills: int, postgres_kills: int, seed: int) -> Plan:
    """Mix the kills: half of the gateways' at any moment, the others at the failpoints by turns."""
    kills: list[Moment | None] = [_GATEWAY_MOMENTS[n % len(_GATEWAY_MOMENTS)] for n in range(gateway_kills)]
    kills += [None] * postgres_kills
    random.Random(seed).shuffle(kills)
    return Plan(kills, seed)


class Ordeal:
    """One run, on *postgres*, which is the site's. *folder* is for outboxes; *tell* hears of each kill, just before it."""

    def __init__(
        self, plan: Plan, site: Site, postgres: MortalPostgres, folder: Path, tell: Callable[["Ordeal"], None]
    ) -> None:
        self.plan, self._site, self._postgres, self._folder, self._tell = plan, site, postgres, folder, tell
        self._chance = random.Random(plan.seed)
        self.record = Record()
        self._downs = cycle(DOWN_S)
        self.kills: list[Kill] = []

    async def run(self) -> Outcome:
        """Send and kill as planned, then let it settle.

        Raises:
            Stuck: sends were not acknowledged again after a kill, or some never.
        """
        words = f"ordeal {token_hex(4)}"
        async with open_fleet(self._site, WRITERS, words, self._chance) as fleet:
            crowd = Crowd(self.plan.size, await self._prepare(fleet, words), self.record, self._chance)
            async with asyncio.TaskGroup() as tasks:
                crowd.start(tasks)
                return await self._go_through(fleet, crowd)

    async def _prepare(self, fleet: Fleet, words: str) -> Place:
        """Start a reader and a router beside the writers, and create the conversations."""
        _, (read_url, write_url) = await asyncio.gather(self._site.start("read", name="read-1"), self._site.start_router())
        *rooms, foreign = await create_rooms(fleet.first, self.plan.size)
        return Place(read_url, write_url, lambda: fleet.urls, rooms, foreign, words, self._folder)

    async def _go_through(self, fleet: Fleet, crowd: Crowd) -> Outcome:
        began = time.monotonic()
        for moment in self.plan.kills:
            await self._healed()
            await asyncio.sleep(self._chance.uniform(*BETWEEN_S))
            await until(lambda: self.record.in_flight > 0, 0)
            await (self._kill_postgres() if moment is None else self._kill_gateway(fleet, moment))
        struck = time.monotonic()
        await crowd.stop()
        late = await crowd.retry_late()
        settled = time.monotonic()
        logs = await crowd.read_logs()
        await crowd.part(logs)
        times = (time.monotonic() - began, settled - struck, max(0.0, self.record.shown_at - settled))
        return Outcome(self.record, logs, self.kills, late, *times)

    async def _healed(self) -> None:
        """Wait until it works (again), so that the next kill strikes a system under load."""
        enough = self.record.acknowledged + HEALED_ACKS
        async with within(HEAL_S, "sends are acknowledged again after a kill"):
            await until(lambda: self.record.acknowledged >= enough, POLL_S)

    async def _kill_gateway(self, fleet: Fleet, moment: Moment) -> None:
        aim = await fleet.aim(moment)
        self._note(aim.writer.name, moment)
        await fleet.kill(aim)

    async def _kill_postgres(self) -> None:
        self._note(POSTGRES, Moment.ANY)
        await self._postgres.kill()
        await asyncio.sleep(next(self._downs))
        await self._postgres.start()

    def _note(self, target: str, moment: Moment) -> None:
        self.kills.append(Kill(target, moment, self.record.in_flight))
        self._tell(self)
