"""Those who are connected, and those who send to them: each user has a checked socket, which stays alive."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager

from tests.bench.houses import Group, House
from tests.bench.ledger import Ledger
from tests.bench.load.receiver import Receiver, Tellings
from tests.bench.load.texts import Texts
from tests.bench.load.volley import Volley

HEARTBEAT_S, PARTS = 10.0, 100
AT_ONCE, OPEN_S = 100, 180.0

Seat = tuple[str, Sequence[str]]


class Audience:
    """Receivers of a house, all with one ledger."""

    def __init__(self, house: House, ledger: Ledger) -> None:
        self._house, self._ledger = house, ledger
        self._tellings = Tellings(house.chat.dialect, ledger)
        self._receivers: list[Receiver] = []

    async def admit(self, seats: Sequence[Seat]) -> None:
        """Connect all, a hundred at a time; return when whatever comes to them is live."""
        waiting = iter(seats)
        async with asyncio.timeout(OPEN_S), asyncio.TaskGroup() as opening:
            for _ in range(AT_ONCE):
                opening.create_task(self._open(waiting))

    async def keep_alive(self, ping: bytes) -> None:
        """Say *ping* on each socket every ten seconds, evenly spread, until cancelled."""
        while True:
            for part in range(PARTS):
                for receiver in self._receivers[part::PARTS]:
                    receiver.say(ping)
                await asyncio.sleep(HEARTBEAT_S / PARTS)

    def close(self) -> None:
        for receiver in self._receivers:
            receiver.close()

    async def _open(self, waiting: Iterator[Seat]) -> None:
        for user, conversations in waiting:
            receiver = Receiver(self._house.chat.dialect, self._ledger, self._tellings)
            await receiver.open(self._house.chat.read, user, conversations)
            self._receivers.append(receiver)


def seats_of(groups: Sequence[Group]) -> list[Seat]:
    return [(user, group.conversations) for group in groups for user in group.users]


@asynccontextmanager
async def an_audience(house: House, ledger: Ledger) -> AsyncIterator[Audience]:
    """Yield an audience, empty as yet, that is kept alive; in the end close all its sockets."""
    audience = Audience(house, ledger)
    alive = asyncio.create_task(audience.keep_alive(house.ping)) if house.ping else None
    try:
        yield audience
    finally:
        if alive is not None:
            alive.cancel()
        audience.close()


@asynccontextmanager
async def speakers(house: House, groups: Sequence[Group], ledger: Ledger, texts: Texts) -> AsyncIterator[list[Volley]]:
    """Yield one who sends for each group, to the first of its conversations."""
    words = texts.endless()
    with ExitStack() as stack:
        volleys: list[Volley] = []
        for group in groups:
            line = await house.make_line(house.chat.dialect, ledger).open(house.chat.write, group.owner)
            stack.callback(line.close)
            volleys.append(Volley(line, ledger, group.conversations[0], len(group.users), words))
        yield volleys
