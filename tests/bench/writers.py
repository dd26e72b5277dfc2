"""Systems that only take sends: several write gateways on one database, and the tutorial's chat."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.chats import Chat, run_tutorial, start_gateway
from tests.bench.cpu import Meter
from tests.bench.database import Database, ringpost_database, tutorial_database
from tests.bench.dialect import Dialect
from tests.bench.document import OURS
from tests.bench.load.address import Address
from tests.bench.ours import Ringpost
from tests.bench.stage import Stage, free_address
from tests.bench.tutorial import Tutorial

RATES_OFF = {"RATE_USER": "0", "RATE_CONVERSATION": "0"}


@dataclass(frozen=True, slots=True)
class Writers:
    """A system: its chat, all of its gateways, their pids, Postgres' own, and what they store."""

    chat: Chat
    gateways: Sequence[Address]
    pids: Sequence[int]
    postgres_pid: int
    database: Database

    def meter(self, gateways: int) -> Meter:
        """Return what the first *gateways* and Postgres take, Valkey not counted."""
        return Meter(*self.pids[:gateways], self.postgres_pid)


async def start_writers(stage: Stage, count: int) -> Writers:
    """Start so many write gateways of ours, their limits of rates off."""
    url = await stage.make_database(OURS)
    stage.migrate(url)
    gateways = [free_address() for _ in range(count)]
    pids = [
        await start_gateway(stage, "write", address, url, NAME=f"write-{number}", **RATES_OFF)
        for number, address in enumerate(gateways, 1)
    ]
    return _gather(stage, Ringpost(), gateways, pids, ringpost_database(url))


async def start_tutorial_writer(stage: Stage) -> Writers:
    """Start the tutorial's chat."""
    url = await stage.make_database("tutorial")
    address, pid = await run_tutorial(stage, url)
    return _gather(stage, Tutorial(), [address], [pid], tutorial_database(url))


def _gather(stage: Stage, dialect: Dialect, gateways: Sequence[Address], pids: Sequence[int], database: Database) -> Writers:
    meter = Meter(*pids, stage.postgres_pid, stage.valkey_pid)
    chat = Chat(dialect, gateways[0], gateways[0], meter, stage.cores)
    return Writers(chat, gateways, pids, stage.postgres_pid, database)
