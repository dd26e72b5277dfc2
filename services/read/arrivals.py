"""Those who come: what each is a member of, read for all who came meanwhile in one query.

Thousands come at once when another gateway has died.
"""

import asyncio

from services.read.hub import Hub
from shared.errors import RingpostError
from shared.storage.history import History, Memberships

MOST_USERS = 200


class Arrivals:
    """Reads memberships; while a query runs, those who come wait for the next one together. No timer: nobody waits alone."""

    def __init__(self, history: History, hub: Hub) -> None:
        self._history, self._hub = history, hub
        self._waiting: list[tuple[str, asyncio.Future[Memberships]]] = []
        self._is_reading = False

    async def memberships(self, user: str) -> Memberships:
        """Return *user*'s conversations.

        Raises:
            Unavailable: Postgres did not answer in time.
        """
        answer: asyncio.Future[Memberships] = asyncio.get_running_loop().create_future()
        self._waiting.append((user, answer))
        if not self._is_reading:
            self._is_reading = True
            self._hub.start(self._read())
        return await answer

    async def _read(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_USERS], self._waiting[MOST_USERS:]
                await self._answer(batch)
        finally:
            self._is_reading = False

    async def _answer(self, batch: list[tuple[str, asyncio.Future[Memberships]]]) -> None:
        self._hub.counts["arrival_queries"] += 1
        try:
            found = await self._history.memberships_of([user for user, _ in batch])
        except RingpostError as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        except BaseException:
            for _, answer in batch:
                answer.cancel()
            raise
        for (_, answer), memberships in zip(batch, found, strict=True):
            if not answer.done():
                answer.set_result(memberships)
