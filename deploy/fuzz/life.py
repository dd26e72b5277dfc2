"""One process of a device, from its birth to its end, and what it has reported."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from deploy.fuzz.births import Process
from deploy.fuzz.reports import Broken, Closed, Drained, Locked, Reader, Report, Seen, Up

COMPLAINT_CHARACTERS = 400


class Life:
    """`heads` are the highest numbers that the app has seen, by room; `may_die`: it was told to, or is killed."""

    def __init__(self, process: Process, output: Path) -> None:
        self.process, self._output = process, output
        self._reader, self._at = Reader(), 0
        self.reports: list[Report] = []
        self.heads: dict[str | None, int] = {}
        self.is_drained = self.may_die = self.is_asked = False
        self.ended = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        return self.ended.is_set()

    def is_up(self) -> bool:
        """Say whether its socket has come up, or it never will."""
        self.read()
        return self.has_ended or any(isinstance(report, Up) for report in self.reports)

    def kill(self) -> None:
        self.may_die = True
        self.process.send_signal(signal.SIGKILL)

    def read(self) -> Sequence[Report]:
        """Take what is new in its file; return that."""
        with self._output.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        self._at += len(data)
        new = self._reader.feed(data)
        for report in new:
            if isinstance(report, Seen):
                self.heads[report.room] = max(report.seq, self.heads.get(report.room, 0))
            self.is_drained = self.is_drained or isinstance(report, Drained)
        self.reports += new
        return new

    async def watch(self) -> None:
        """Wait for its end, and judge that."""
        try:
            self._judge(await self.process.wait())
        finally:
            self.ended.set()

    def _judge(self, status: int) -> None:
        self.read()
        is_killed = status == -signal.SIGKILL and self.may_die
        if not is_killed and not self._ended_well(status):
            complaint = self._output.with_suffix(".err").read_text(errors="replace")[-COMPLAINT_CHARACTERS:]
            self.reports.append(Broken(f"the process ended by itself ({status}): {complaint}"))

    def _ended_well(self, status: int) -> bool:
        return status == 0 and any(isinstance(report, Closed | Locked) for report in self.reports)
