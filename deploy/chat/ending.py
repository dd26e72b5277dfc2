"""How a command ends from outside: by a signal, or since nobody reads what it writes. No traceback, and the usual status."""

import asyncio
import contextlib
import os
import signal
import stat
from collections.abc import Coroutine
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128
UNREAD = SIGNALLED + signal.SIGPIPE


class Ending:
    """Runs a command's main task, and cancels it once. *is_writing*: the main task is in a write that may block."""

    def __init__(self) -> None:
        self._status: int | None = None
        self._task: asyncio.Task[Any] | None = None
        self.is_writing = False

    def run(self, work: Coroutine[Any, Any, int]) -> int:
        """Run *work*; return its status, or the one that `stop` was given."""
        try:
            return asyncio.run(self._run(work))
        except asyncio.CancelledError:
            assert self._status is not None, "nobody else cancels the main task"
            return self._status

    def stop(self, status: int) -> None:
        """End the main task soon, with *status*."""
        if self._status is None and self._task is not None:
            self._status = status
            self._task.cancel()

    def break_off(self, status: int) -> None:
        """End the main task, of which this is a call, at once."""
        self._status = self._status or status
        raise asyncio.CancelledError

    def watch(self, file: int) -> None:
        """Stop once the pipe *file*, if it is one, has no reader any more: there may be nothing to write for hours."""
        if stat.S_ISFIFO(os.fstat(file).st_mode):
            # The selector tells of an error on a pipe's end that is for writing as if there were something to read.
            asyncio.get_running_loop().add_reader(file, self.stop, UNREAD)

    async def _run(self, work: Coroutine[Any, Any, int]) -> int:
        self._task = asyncio.current_task()
        for number in SIGNALS:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._heed)
        return await work

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)  # a second one ends it on the spot
        if self.is_writing:
            self.break_off(SIGNALLED + number)
        with contextlib.suppress(RuntimeError):  # the loop is over already
            asyncio.get_running_loop().call_soon_threadsafe(self.stop, SIGNALLED + number)
