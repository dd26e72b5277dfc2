"""The guests of one process."""

import asyncio
import time
from collections.abc import Iterator
from zlib import crc32

from deploy.replay.plan import address
from deploy.swarm.errors import Failed
from deploy.swarm.guest import Guest, Party
from deploy.swarm.orders import Begin, Report
from deploy.swarm.seating import Seating
from shared.auth import sign

TTL_S, PARTS, TRIES, PAUSE_S = 24 * 3600, 100, 5, 1.0


class Swarm:
    """Runs until it is cancelled."""

    def __init__(self) -> None:
        self._party = Party()
        self._guests: list[Guest] = []

    async def begin(self, order: Begin) -> None:
        """Have everybody come, and keep them alive. Who can't come after some tries is a fault."""
        waiting = self._make(order)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_alive(order.heartbeat_s))
            for _ in range(order.at_once):
                tasks.create_task(self._admit(waiting))

    def report(self, *, whole: bool) -> Report:
        p = self._party
        counts = p.live, p.cuts, p.returns, p.failures, p.delivered, time.process_time()
        faults = p.book.fault_count, p.book.faults
        return Report(*counts, *faults, dict(p.delays.take()), dict(p.absences.steps), self._logs() if whole else {})

    def end(self) -> None:
        self._party.is_over = True
        for guest in self._guests:
            guest.close()

    def _make(self, order: Begin) -> Iterator[Guest]:
        seating = Seating(order.run, order.many, 1)
        for n in range(order.many):
            number = order.first + n * order.step
            token = sign(order.jwt_key, seating.guest(number), TTL_S, time.time())
            # By a hash, so that each room has guests at every address.
            there = order.addresses[crc32(b"%d" % number) % len(order.addresses)]
            source = address(number) if order.has_addresses else None
            yield Guest(self._party, token, there, source, order.inbox)

    async def _admit(self, waiting: Iterator[Guest]) -> None:
        for guest in waiting:
            for tried in range(TRIES):
                try:
                    await guest.come()
                except (Failed, OSError, TimeoutError) as error:
                    self._party.failures += 1
                    if tried == TRIES - 1:
                        self._party.book.fault(f"a guest could not come: {error or type(error).__name__}")
                    await asyncio.sleep(PAUSE_S * (tried + 1))
                else:
                    self._guests.append(guest)
                    break

    async def _keep_alive(self, heartbeat_s: float) -> None:
        """Have each guest ping once a heartbeat, evenly spread."""
        while True:
            for part in range(PARTS):
                for guest in self._guests[part::PARTS]:
                    guest.ping()
                await asyncio.sleep(heartbeat_s / PARTS)

    def _logs(self) -> dict[str, tuple[int, int]]:
        digests = self._party.book.logs
        lowest: dict[str, int] = {}
        for guest in self._guests:
            for conversation, at in guest.positions.items():
                if conversation in digests:
                    lowest[conversation] = min(at, lowest.get(conversation, at))
        return {conversation: (at, digests[conversation]) for conversation, at in lowest.items()}
