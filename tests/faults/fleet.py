"""Write gateways that are killed again and again, each behind failpoints of its own."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from tests.failpoints import Failpoint, Hold, failing
from tests.gateways import Process, Site


class Moment(StrEnum):
    """When a gateway is killed."""

    ANY = "at any moment"
    COMMITTED = "between commit and acknowledgement"
    UNPUBLISHED = "between commit and publication"


@dataclass(slots=True)
class Writer:
    """A write gateway, and the wires that lead from it to Postgres and Redis."""

    name: str
    process: Process
    postgres: Failpoint
    redis: Failpoint
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom to kill, and where it is held until then, if it is."""

    writer: Writer
    point: Failpoint | None


class Fleet:
    """Some write gateways. *words* are in the text of every send that a failpoint may stop."""

    def __init__(self, site: Site, words: str, chance: random.Random) -> None:
        self._site, self._words, self._chance = site, words, chance
        self._writers: list[Writer] = []

    @property
    def urls(self) -> Sequence[str]:
        return [writer.process.url for writer in self._writers]

    @property
    def first(self) -> Process:
        return self._writers[0].process

    async def add(self, name: str, wires: AsyncExitStack) -> None:
        """Start one more; *wires* closes its wires in the end."""
        postgres_url, postgres = await wires.enter_async_context(failing(self._site.postgres_url))
        redis_url, redis = await wires.enter_async_context(failing(self._site.redis_url))
        # Senders are many here, but few users: the rates of real ones would hold them back.
        settings = {"postgres_url": postgres_url, "redis_url": redis_url, "rate_user": "0", "rate_conversation": "0"}
        process = await self._site.start("write", name=name, **settings)
        self._writers.append(Writer(name, process, postgres, redis, settings))

    async def aim(self, moment: Moment) -> Aim:
        """Choose one of them; return when the moment to kill it has come."""
        writer = self._chance.choice(self._writers)
        if moment is Moment.ANY:
            return Aim(writer, None)
        point, hold = (writer.postgres, Hold.COMMIT) if moment is Moment.COMMITTED else (writer.redis, Hold.REQUEST)
        await point.set(hold, self._words).reached()
        return Aim(writer, point)

    async def kill(self, aim: Aim) -> None:
        """Kill it (SIGKILL), and start another in its place; return when that is ready."""
        writer = aim.writer
        writer.process.signal(signal.SIGKILL)
        await writer.process.ended()
        if aim.point is not None:
            # What was held must not come out after the death of who said it.
            aim.point.cut()
            aim.point.release()
        writer.process = await self._site.start("write", name=writer.name, **writer.settings)


@asynccontextmanager
async def open_fleet(site: Site, many: int, words: str, chance: random.Random) -> AsyncIterator[Fleet]:
    """Start *many* write gateways; stopping those that run in the end is the site's."""
    fleet = Fleet(site, words, chance)
    async with AsyncExitStack() as wires:
        await asyncio.gather(*(fleet.add(f"write-{n}", wires) for n in range(1, many + 1)))
        yield fleet
