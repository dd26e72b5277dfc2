"""The way to the store: a thread of its own writes, and the event loop never waits for the disk."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ringpost_client.errors import StoreFailed
from ringpost_client.positions import Positions
from ringpost_client.store import Drop, Fail, Fsync, Kept, Store, Write

MOST_WAITING = 1_000
Told = Callable[[StoreFailed | None], None]


class Disk:
    """Writes in the order of the calls; what comes while one transaction is made shares the next one.

    *tell* hears of each transaction: why it was not made, or None. What nobody waits for is tried again with the next one.
    """

    def __init__(self, store: Store, thread: ThreadPoolExecutor, tell: Told) -> None:
        self._store, self._thread, self._tell = store, thread, tell
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Write, Told | None]] = []
        self._owed: list[Write] = []
        self._is_making = False
        self._moved_on = asyncio.Event()

    def write(self, write: Write, tell: Told | None = None) -> None:
        """Have *write* made; *tell* hears once it is on the disk, or why it is not."""
        if not self._waiting:
            self._loop.call_soon(self._begin)  # so that what is said in one turn of the loop shares a transaction
        self._waiting.append((write, tell))

    async def has_room(self) -> None:
        """Wait while very much waits."""
        while len(self._waiting) >= MOST_WAITING:
            await self._next()

    async def close(self) -> None:
        """Write what waits, and let the next process have the file."""
        while self._is_making or self._waiting:
            await self._next()
        await self._loop.run_in_executor(self._thread, self._make, self._owed)
        await self._loop.run_in_executor(self._thread, self._store.close)
        self._thread.shutdown(wait=False)

    def _begin(self) -> None:
        if self._is_making or not self._waiting:
            return
        batch, self._waiting, self._is_making = self._waiting, [], True
        writes, self._owed = [*self._owed, *(write for write, _ in batch)], []
        made = self._loop.run_in_executor(self._thread, self._make, writes)
        made.add_done_callback(lambda done: self._end(writes, batch, done.result()))

    def _make(self, writes: Sequence[Write]) -> StoreFailed | None:
        try:
            self._store.apply(writes)
        except StoreFailed as error:
            return error
        return None

    def _end(self, writes: list[Write], batch: list[tuple[Write, Told | None]], fault: StoreFailed | None) -> None:
        self._is_making = False
        self._tell(fault)
        if fault is not None:
            self._owed = [write for write in writes if isinstance(write, Fail | Drop)]
        for _, tell in batch:
            if tell is not None:
                tell(fault)
        self._moved_on.set()
        self._begin()

    async def _next(self) -> None:
        self._moved_on.clear()
        await self._moved_on.wait()


async def open_disk(folder: Path, fsync: Fsync, tell: Told) -> tuple[Disk, list[Kept], Positions]:
    """Open the store in *folder*; return it, and what was left in it: the changes in order, and how far the app had seen.

    Raises:
        OutboxLocked: another process has it.
        StoreFailed: it can't be had.
    """
    thread = ThreadPoolExecutor(1, "ringpost-disk")
    try:
        store, kept, positions = await asyncio.get_running_loop().run_in_executor(thread, _open, folder, fsync)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return Disk(store, thread, tell), kept, positions


def _open(folder: Path, fsync: Fsync) -> tuple[Store, list[Kept], Positions]:
    store = Store(folder, fsync)
    try:
        return store, store.load(), store.load_positions()
    except BaseException:
        store.close()
        raise
