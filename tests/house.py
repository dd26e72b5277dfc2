"""One write and one read gateway for all tests of a module, and what they say meanwhile."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from tests.databases import a_database
from tests.gateways import Process, Site, running


@dataclass(frozen=True, slots=True)
class House:
    """*site* may start more of them; they all log to the same file."""

    site: Site
    write: Process
    read: Process
    log: Path

    def complaints(self) -> list[str]:
        """Return what the gateways' logs tell of bugs."""
        return [line for line in self.log.read_text().splitlines() if is_complaint(line)]


def is_complaint(line: str) -> bool:
    """Say whether a line of a gateway's log tells of a bug."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return True  # what is not from our logger is from nobody that we know
    return "Traceback" in line or entry.get("level") in ("error", "critical")


@asynccontextmanager
async def a_house(postgres: PostgresServer, template: str, valkey: ValkeyServer, **settings: str) -> AsyncIterator[House]:
    """Start a write and a read gateway with *settings* (as for `Site.start`) on a database of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        with path.open("ab") as log:  # to append: each of them writes where the others have ended
            async with a_database(postgres.url, template) as url, running(Site(url, valkey.url, _prefix(), log)) as site:
                yield House(site, await site.start("write", **settings), await site.start("read", **settings), path)


def _prefix() -> str:
    return f"test-{token_hex(6)}"
