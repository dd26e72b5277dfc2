"""What a client keeps on the disk, from its opening to its last words."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from ringpost_client.disk import Disk, Told, open_disk
from ringpost_client.errors import StoreFailed
from ringpost_client.positions import Positions
from ringpost_client.store import Fsync, Kept, See

SAVE_EVERY_S = 1.0


class Keeper:
    """Keeps in *folder*, if there is one; *tell* hears how its disk fares."""

    def __init__(self, folder: Path | None, fsync: Fsync, tell: Told, *, memory_will_do: bool) -> None:
        self._folder, self._fsync, self._tell = folder, fsync, tell
        self.memory_will_do = memory_will_do
        self.disk: Disk | None = None

    async def open(self) -> tuple[list[Kept], Positions]:
        """Return what was left: the changes in order, and how far the app had seen.

        Raises:
            OutboxLocked: another process has it.
            StoreFailed: it can't be had, and memory will not do.
        """
        if self._folder is None:
            return [], Positions()
        try:
            self.disk, kept, seen = await open_disk(self._folder, self._fsync, self._tell)
        except StoreFailed as error:
            if not self.memory_will_do:
                raise
            self._tell(error)
            return [], Positions()
        return kept, seen

    async def save_again(self, seen: Callable[[], Positions]) -> None:
        """Write down again and again how far the app has seen.

        On a full disk the older positions stay: some events come again, none is missed.
        """
        saved: See | None = None
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            saved = self._save(seen(), saved)

    async def close(self, seen: Positions) -> None:
        """Write down how far the app has seen, and let the next process have the folder."""
        self._save(seen)
        if self.disk is not None:
            await self.disk.close()

    def _save(self, seen: Positions, saved: See | None = None) -> See | None:
        if self.disk is None or seen.epoch is None:
            return saved
        now = See(seen.epoch, seen.inbox, dict(seen.of))
        if now != saved:
            self.disk.write(now)
        return now
