"""`pgbench` on the PostgreSQL that serves everybody: a transaction, or a statement, for each message."""

import asyncio
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from deploy.local.binaries import find_postgres
from deploy.local.command import Command, bare_env, spawn
from tests.bench.cores import Cores
from tests.bench.cpu import Meter
from tests.bench.failure import Failed
from tests.bench.pace import Pace, Watched, watch_pace
from tests.bench.peers.tables import Tables

WARM_S, LATE_S, LONGEST_S, LOOK_S = 1.0, 4.0, 30.0, 0.02
_DRAW = "\\set conversation random(1, :conversations)\n\\set id random(1, 9000000000000000000)\n"
# pgbench knows no UUIDs: its numbers' decimal digits are a UUID's hexadecimal ones.
_KEYS: Mapping[str, str] = {
    "conversation": "lpad(:conversation, 32, '0')::uuid",
    "id": "lpad(:id, 32, '0')::uuid",
    "sender": "'sender-' || :client_id::text",
}
FOUR_STATEMENTS = (
    _DRAW
    + """BEGIN;
UPDATE conversations SET head = head + 1 WHERE conversation_id = {conversation} RETURNING head \\gset
SELECT seq FROM messages WHERE conversation_id = {conversation} AND sender = {sender} AND id = {id};
INSERT INTO messages (conversation_id, seq, sender, id, text) VALUES ({conversation}, :head, {sender}, {id}, :text);
COMMIT;
""".format_map(_KEYS)
)
ONE_STATEMENT = (
    _DRAW
    + """WITH counted AS (
    UPDATE conversations SET head = head + 1 WHERE conversation_id = {conversation} AND NOT EXISTS (
        SELECT FROM messages WHERE conversation_id = {conversation} AND sender = {sender} AND id = {id}
    ) RETURNING conversation_id, head
)
INSERT INTO messages (conversation_id, seq, sender, id, text) SELECT conversation_id, head, {sender}, {id}, :text FROM counted;
""".format_map(_KEYS)
)


class Report(NamedTuple):
    """What pgbench says in the end."""

    processed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Pgbench:
    """pgbench on *tables*; all its clients run in one thread, on the load's core."""

    tables: Tables
    servers: Meter
    cores: Cores
    folder: Path
    text: str

    async def measure(self, script: str, conversations: int, clients: int, seconds: float) -> Pace:
        """Run *script* with so many clients; raise Failed unless all that pgbench says it did is stored."""
        await self.tables.reset(conversations)
        with self._running(script, conversations, clients, ceil(WARM_S + seconds + LATE_S)) as process:
            await self._begun(process)
            await asyncio.sleep(WARM_S)
            watched = Watched(self.servers, self.cores, Meter(process.pid).seconds)
            pace = await watch_pace(self.tables.count, watched, seconds)
            if process.poll() is not None:
                raise Failed("pgbench ended before it was measured")
            await asyncio.to_thread(process.wait, LONGEST_S)
        report = read_report(self._log.read_text())
        if report.failed:
            raise Failed(f"pgbench failed at {report.failed} transactions")
        await self.tables.check(report.processed, are_counted=True)
        return pace

    async def _begun(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until all clients are connected, which is when the first of them begins."""
        for _ in range(int(LONGEST_S / LOOK_S)):
            if process.poll() is not None:
                read_report(self._log.read_text())
            if await self.tables.count():
                return
            await asyncio.sleep(LOOK_S)
        raise Failed("pgbench did not begin in time")

    @property
    def _log(self) -> Path:
        return self.folder / "pgbench.log"

    @contextmanager
    def _running(self, script: str, conversations: int, clients: int, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
        (self.folder / "pgbench.sql").write_text(script)
        options = {"-c": clients, "-j": 1, "-T": seconds, "-M": "prepared", "-f": "pgbench.sql"}
        variables = (f"-Dconversations={conversations}", f"-Dtext={self.text}")
        argv = (str(find_pgbench()), "-n", *(str(word) for pair in options.items() for word in pair), *variables)
        with self._log.open("wb") as output:
            process = spawn(Command("pgbench", argv, bare_env() | _where(self.tables.url), folder=self.folder), output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def find_pgbench() -> Path:
    """Return where pgbench is: beside the embedded `postgres`."""
    program = find_postgres().program.with_name("pgbench")
    if not program.exists():
        raise Failed("the embedded PostgreSQL has no pgbench beside it")
    return program


def read_report(said: str) -> Report:
    """Return what pgbench reports; raise Failed with its last words where it has not come to the end."""
    numbers = [re.search(rf"^number of {what}: (\d+)", said, re.MULTILINE) for what in _COUNTED]
    found = [int(number[1]) for number in numbers if number]
    if len(found) < len(_COUNTED):
        raise Failed(f"pgbench ended early: {said.strip().splitlines()[-1] if said.strip() else 'it said nothing'}")
    return Report(*found)


_COUNTED = ("transactions actually processed", "failed transactions")


def _where(url: str) -> dict[str, str]:
    """Return the variables that lead libpq to *url*; a password does not belong into a list of processes."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.removeprefix("/"),
    }
