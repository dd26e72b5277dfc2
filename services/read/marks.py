"""Read markers: gathered, and written once a second in one statement."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from shared.errors import Unavailable
from shared.storage.history import History

log = structlog.get_logger("ringpost.read")
WRITE_S = 1.0
MOST = 50_000


class Marks:
    """The markers that moved since the last write. They only rise, so a lost or repeated write harms nobody."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._moved: dict[tuple[UUID, str], int] = {}
        self.on_moved: Callable[[UUID, str, int], None] = lambda conversation, user, seq: None

    def mark(self, conversation: UUID, user: str, seq: int) -> None:
        """Note that *user* has read *conversation* up to *seq*."""
        if len(self._moved) < MOST or (conversation, user) in self._moved:
            self._moved[conversation, user] = max(seq, self._moved.get((conversation, user), 0))

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            await self.write()

    async def write(self) -> None:
        """Write what moved; what Postgres did not take is tried again with the next."""
        moved, self._moved = self._moved, {}
        if not moved:
            return
        try:
            written = await self._history.mark_read(moved)
        except Unavailable as error:
            log.warning("read markers wait", n=len(moved), error=str(error))
            for (conversation, user), seq in moved.items():
                self.mark(conversation, user, seq)
            return
        for conversation, user, seq in written:
            self.on_moved(conversation, user, seq)
