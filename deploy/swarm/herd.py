"""A swarm in as many processes as it needs, and what they report together."""

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any

from deploy.replay.select import select_entries
from deploy.swarm.book import SHOWN
from deploy.swarm.errors import Failed
from deploy.swarm.orders import Ask, Begin, Order, Report, encode, read_report
from deploy.swarm.seating import Seating
from deploy.swarm.stamp import digest
from deploy.swarm.talk import Ledger
from deploy.swarm.websocket import Address

_COUNTS = ("live", "cuts", "returns", "failures", "delivered", "cpu_s", "fault_count")
PROCESS_GUESTS, REPORT_BYTES, ANSWER_S, STOP_S, LOOK_S = 15_000, 1 << 26, 60.0, 10.0, 0.2


@dataclass(frozen=True, slots=True)
class Door:
    """Where guests connect: to *addresses*, evenly, *at_once* of each process at a time."""

    addresses: Sequence[Address]
    jwt_key: str
    at_once: int = 25
    heartbeat_s: float = 10.0
    has_addresses: bool = True


class Herd:
    """The processes, each with an equal share of the guests."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._processes = processes
        self._asking = asyncio.Lock()

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    async def begin(self, seating: Seating, door: Door) -> None:
        """Have all guests come; `report` tells how many have."""
        step = len(self._processes)
        for first, process in enumerate(self._processes):
            order = Begin(
                run=seating.run,
                jwt_key=door.jwt_key,
                addresses=list(door.addresses),
                first=first,
                step=step,
                many=len(range(first, seating.guests, step)),
                inbox=seating.each,
                at_once=door.at_once,
                heartbeat_s=door.heartbeat_s,
                has_addresses=door.has_addresses,
            )
            await _say(process, order)

    async def report(self, *, whole: bool = False) -> Report:
        """Return what all report, added up. Raise Failed if one is gone."""
        async with self._asking:
            for process in self._processes:
                await _say(process, Ask(whole))
            return add_up([await _hear(process) for process in self._processes])

    async def until_live(self, many: int, within_s: float) -> Report:
        """Wait until so many are connected and live; return the report that says so, its delays those since the last.

        Raises:
            Failed: something is wrong, or it takes longer.
        """
        reports: list[Report] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not reports or reports[-1].live < many:
                    reports.append(await self.report())
                    if reports[-1].faults:
                        break
                    await asyncio.sleep(LOOK_S)
        if not reports or reports[-1].live < many or reports[-1].faults:
            said = reports[-1].faults if reports else []
            raise Failed(
                f"{reports[-1].live if reports else 0} of {many} clients are connected: {'; '.join(said) or 'too slow'}"
            )
        return add_up([*reports[-1:], *(_only_delays(report.delays) for report in reports[:-1])])

    async def until_delivered(self, ledger: Ledger, within_s: float, postgres_url: str) -> Report:
        """Wait until all guests have all that was acknowledged; return the report, its delays those since the last.

        Where a sender was not told what became of a send, what guests have is compared with what is stored there.

        Raises:
            Failed: somebody lacks something, or was told what nobody sent; or it takes longer.
        """
        reports = [await self.report(whole=True)]
        deadline = time.monotonic() + within_s
        while faults := await _faults(ledger, reports[-1], postgres_url):
            if ledger.faults or time.monotonic() > deadline:
                raise Failed("; ".join(faults[:SHOWN]) + f" (refused: {dict(ledger.refusals)})")
            await asyncio.sleep(LOOK_S)
            reports.append(await self.report(whole=True))
        return add_up([reports[-1], *(_only_delays(report.delays) for report in reports[:-1])])


async def _faults(ledger: Ledger, report: Report, postgres_url: str) -> list[str]:
    entries = await select_entries(postgres_url, ledger.doubtful) if ledger.doubtful else {}
    if entries is None:
        return [*ledger.faults, "the database can't be asked for what is stored"]
    stored = {
        conversation: reduce(xor, (digest(entry.id, entry.seq) for entry in log if entry.is_message), 0)
        for conversation, log in entries.items()
    }
    waiting = [f"{len(ledger.open)} sends have no answer"] if ledger.open else []
    return [*report.faults, *ledger.faults, *ledger.differences(report.logs, stored), *waiting]


@asynccontextmanager
async def open_herd(guests: int, process_guests: int = PROCESS_GUESTS) -> AsyncIterator[Herd]:
    """Start the processes; in the end stop them."""
    processes: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(-(-guests // process_guests)):
            processes.append(await _start())
        yield Herd(processes)
    finally:
        for process in processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in processes:
            await _ended(process)


def add_up(reports: Sequence[Report]) -> Report:
    """Return the reports of several processes as one."""
    delays: Counter[int] = Counter()
    absences: Counter[int] = Counter()
    logs: dict[str, tuple[int, int]] = {}
    faults: list[str] = []
    for report in reports:
        delays.update(report.delays)
        absences.update(report.absences)
        faults += report.faults
        for conversation, (at, told) in report.logs.items():
            lowest, known = logs.get(conversation, (at, told))
            logs[conversation] = (min(lowest, at), known)
            if known != told:
                faults.append(f"two processes were told different things of {conversation}")
    counts: dict[str, Any] = {name: sum(getattr(report, name) for report in reports) for name in _COUNTS}
    return Report(**counts, faults=faults, delays=dict(delays), absences=dict(absences), logs=logs)


def _only_delays(delays: dict[int, int]) -> Report:
    none: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
    return Report(**none, faults=[], delays=delays, absences={})


async def _start() -> asyncio.subprocess.Process:
    """Start one in a session of its own: Ctrl-C is ours to handle, and the end of its stdin ends it."""
    pipe = asyncio.subprocess.PIPE
    argv = (sys.executable, "-m", "deploy.swarm")
    return await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, limit=REPORT_BYTES, start_new_session=True)


async def _say(process: asyncio.subprocess.Process, order: Order) -> None:
    assert process.stdin is not None
    process.stdin.write(encode(order) + b"\n")
    with contextlib.suppress(ConnectionError):  # who is gone will not answer
        await process.stdin.drain()


async def _hear(process: asyncio.subprocess.Process) -> Report:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(ANSWER_S):
            line = await process.stdout.readline()
    except TimeoutError:
        raise Failed(f"a process of the swarm did not answer within {ANSWER_S:.0f} s") from None
    if not line:
        raise Failed("a process of the swarm ended")
    return read_report(line)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
