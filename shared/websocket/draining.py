"""Make before break: a gateway that stops tells its sockets to move, no faster than others take them, and closes who stays."""

import asyncio
import time
from collections.abc import Sequence

from shared import frames
from shared.close_codes import CloseCode
from shared.errors import Draining
from shared.websocket.socket import Socket, Sockets

STEP_S, MOST_AT_ONCE = 0.01, 100
GOODBYE_S = 1.0


class Drain:
    """The end of all *sockets*, over after *within_s*. In the first half of that they are told to move.

    `spread_s` is how long the telling takes: as long as the other gateways need to admit so many, and *others* that move at the
    same time, if half of the time suffices.
    """

    def __init__(self, sockets: Sockets, within_s: float, others: int = 0) -> None:
        self._sockets, self.within_s = sockets, within_s
        self._needed_s = sockets.admissions.spread_s(len(sockets) + others)
        self.spread_s = min(self._needed_s, within_s / 2)

    @property
    def reconnect(self) -> dict[str, float]:
        """Within what time those are to come back who stay to the end."""
        return self._sockets.admissions.reconnect(len(self._sockets))

    async def run(self) -> None:
        """Return when all are gone, or were closed at the end.

        The listener is closed by now, or who moves could land here again.
        """
        started_at = time.monotonic()
        ends_at = started_at + self.within_s
        self._sockets.close_door()
        await self._dismiss([socket for socket in self._sockets if socket.identity is None])
        told = await self._tell(started_at, ends_at)
        while len(self._sockets) and time.monotonic() < ends_at:
            # Whose hello was taken before the door closed has a welcome only now.
            late = [socket for socket in self._sockets if socket.is_open and socket not in told]
            told |= set(late)
            _push(late, frames.wire(self.moved(ends_at - time.monotonic())))
            await asyncio.sleep(10 * STEP_S)
        await self._dismiss(list(self._sockets))
        for _ in range(int(GOODBYE_S / STEP_S)):
            if len(self._sockets):
                await asyncio.sleep(STEP_S)

    async def _tell(self, started_at: float, ends_at: float) -> set[Socket]:
        """Tell everybody who is here, evenly over the spread."""
        leaving = [socket for socket in self._sockets if socket.is_open]
        told = 0
        while told < len(leaving):
            now = time.monotonic()
            due = min(count_due(len(leaving), now - started_at, self.spread_s), told + MOST_AT_ONCE)
            _push(leaving[told:due], frames.wire(self.moved(ends_at - now)))
            told = due
            await asyncio.sleep(STEP_S)
        return set(leaving)

    def moved(self, within_s: float) -> bytes:
        """Return what they are told; what the telling is too fast for the others, the clients spread themselves."""
        within_s = max(within_s, 0.0)
        rest_s = min(self._needed_s - self.spread_s, within_s / 2)
        about = {"retry_after": 0, "within_s": round(within_s, 2), "reconnect": {"spread_s": round(rest_s, 2)}}
        return frames.encode({"type": "moved"} | about)

    async def _dismiss(self, leaving: Sequence[Socket]) -> None:
        """Close sockets that have not come in yet, or did not go."""
        reconnect = self._sockets.admissions.reconnect(len(leaving))
        for n, socket in enumerate(leaving, 1):
            socket.refuse(Draining(), reconnect=reconnect)
            socket.close(CloseCode.DRAINING, Draining.code)
            if n % MOST_AT_ONCE == 0:
                await asyncio.sleep(0)


def count_due(total: int, elapsed_s: float, spread_s: float) -> int:
    """Return how many of *total* are to be told by now: evenly, the first at once."""
    return total if elapsed_s >= spread_s else min(total, 1 + int(total * elapsed_s / spread_s))


def _push(sockets: Sequence[Socket], frame: bytes) -> None:
    for socket in sockets:
        socket.push(frame)
