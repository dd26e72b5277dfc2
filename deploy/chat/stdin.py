"""Stdin, line by line, whatever it is: a terminal, a pipe or a file."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator

from deploy.chat.lines import Lines

CHUNK_BYTES, CHUNKS = 65536, 4


class Stdin:
    """Reads *file* in a thread of its own, which nothing waits for, so that a read that never returns delays no end.

    It reads ahead by CHUNKS at most. The file is not made non-blocking: a terminal shares that with the shell.
    """

    def __init__(self, file: int = 0) -> None:
        self._file = file
        self._room = threading.Semaphore(CHUNKS)
        self._read: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    async def lines(self) -> AsyncIterator[str]:
        """Yield what is read, without line ends; raise OSError where it can't be read."""
        threading.Thread(target=self._work, daemon=True).start()
        lines = Lines()
        while data := await self._next():
            for line in lines.feed(data):
                yield line
        for line in lines.end():
            yield line

    async def _next(self) -> bytes:
        read = await self._read.get()
        self._room.release()
        if isinstance(read, OSError):
            raise read
        return read

    def _work(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the command is over
            while self._room.acquire():
                read = self._take()
                self._loop.call_soon_threadsafe(self._read.put_nowait, read)
                if not isinstance(read, bytes) or not read:
                    return

    def _take(self) -> bytes | OSError:
        """Return what there is to read, b"" at the end, or why that is impossible."""
        # Not through sys.stdin: a thread that waits there holds its lock, and the interpreter's end would wait for that.
        try:
            return os.read(self._file, CHUNK_BYTES)
        except OSError as error:
            error.filename = "stdin"
            return error
