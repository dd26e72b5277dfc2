"""Read and delivered marks: gathered, and written once a second in one statement."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from uuid import UUID

import structlog

from shared.errors import NotFound, Unavailable
from shared.storage.markers import Key, Mark, Marker, Markers

log = structlog.get_logger("ringpost.read")
WRITE_S = 1.0
MOST, A_CALL = 50_000, 2_000


class Marks:
    """The marks that moved since the last write. They only rise, so a lost or repeated write harms nobody."""

    def __init__(self, markers: Markers) -> None:
        self._markers = markers
        self._moved: dict[Key, Mark] = {}
        self.on_moved: Callable[[Sequence[Marker]], None] = lambda markers: None

    def mark(self, conversation: UUID, user: str, mark: Mark) -> None:
        """Note how far *user* has come in *conversation*."""
        key = conversation, user
        if len(self._moved) < MOST or key in self._moved:
            self._moved[key] = mark | self._moved.get(key, Mark())

    async def mark_now(self, conversation: UUID, user: str, mark: Mark) -> Marker:
        """Note it and write it; return where the marks are then.

        Raises:
            NotFound: they are no member.
            Unavailable: Postgres did not answer in time.
        """
        self.on_moved(await self._markers.move({(conversation, user): mark}))
        marker = await self._markers.of(user, conversation)
        if marker is None:
            raise NotFound
        return marker

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            await self.write()

    async def write(self) -> None:
        """Write what moved; what Postgres did not take is tried again with the next."""
        moved, self._moved = iter(self._moved.items()), {}
        while some := dict(islice(moved, A_CALL)):
            try:
                self.on_moved(await self._markers.move(some))
            except Unavailable as error:
                log.warning("marks wait", n=len(some), error=str(error))
                for (conversation, user), mark in some.items():
                    self.mark(conversation, user, mark)
