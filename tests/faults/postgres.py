"""A Postgres of a fault test's own, which may be killed."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex

from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.postgres import PostgresServer, clear_pid_file, prepare_postgres
from deploy.replay.polling import until
from shared.storage.migrate import migrate

READY_S, END_S, MIGRATE_S = 30.0, 15.0, 60.0
_POLL_S = 0.02


class MortalPostgres:
    """Comes back to the same port, with what it had committed. *log* gets what it says."""

    def __init__(self, server: PostgresServer, log: Path) -> None:
        self._server, self._log = server, log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    async def start(self) -> None:
        """Start it; return when it takes connections."""
        clear_pid_file(self._server.cluster)
        with self._log.open("ab") as output:
            self._process = process = spawn(self._server.command, output)
        async with asyncio.timeout(READY_S):
            while not self._server.is_ready(process.pid):
                assert process.poll() is None, self._log.read_text()[-2000:]
                await asyncio.sleep(_POLL_S)

    async def kill(self) -> None:
        """Shut it down at once: no connection is served to its end, nothing is flushed, and the next start recovers."""
        await self._end(signal.SIGQUIT)

    async def stop(self) -> None:
        await self._end(signal.SIGINT)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        assert process is not None
        process.send_signal(number)
        async with asyncio.timeout(END_S):
            await until(lambda: process.poll() is not None, _POLL_S)


def prepare_mortal(folder: Path) -> MortalPostgres:
    """Make a new cluster in *folder*, which the servers' user can enter."""
    server = prepare_postgres(folder, token_hex(16), choose_account(), folder / "shared")
    return MortalPostgres(server, folder / "postgres.log")


@asynccontextmanager
async def up(postgres: MortalPostgres) -> AsyncIterator[MortalPostgres]:
    """Start it, migrate its database; stop it in the end."""
    await postgres.start()
    try:
        await migrate(postgres.url, MIGRATE_S)
        yield postgres
    finally:
        await postgres.stop()
