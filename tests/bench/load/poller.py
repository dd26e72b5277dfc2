"""Those who read by asking: every second, or by long poll."""

import asyncio
import time
from collections.abc import Sequence

from tests.bench.dialect import Dialect, Events, Refusal
from tests.bench.ledger import Copy, Ledger
from tests.bench.load.caller import Caller, Tally
from tests.bench.ours import Cursor, Ringpost

POLL_WAIT_S = 25.0


class Poller:
    """One user who asks for what is new in one conversation, every so many seconds."""

    def __init__(self, dialect: Dialect, ledger: Ledger, tally: Tally, caller: Caller, every_s: float) -> None:
        self._dialect, self._ledger, self._tally, self._caller, self._every_s = dialect, ledger, tally, caller, every_s

    async def open(self, user: str, conversation: str) -> None:
        """Learn where the conversation stands."""
        self._token, self._conversation = self._dialect.token(user), conversation
        self._position = _last(await self._ask(0), 0)
        self._copy = self._dialect.copy({conversation: self._position})

    async def run(self, after_s: float) -> None:
        """Ask at even distances, for the first time *after_s* from now, until cancelled."""
        due = time.perf_counter() + after_s
        while True:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due = max(due + self._every_s, time.perf_counter())
            found = await self._ask(self._position)
            self._position = _last(found, self._position)
            _note(self._ledger, self._tally, self._copy, found)

    async def _ask(self, position: int) -> Sequence[Events] | Refusal:
        answer = await self._caller.ask(self._dialect.get(self._token, self._conversation, position))
        return self._dialect.got(answer, self._conversation)


class LongPoller:
    """One user who always has a request waiting for what is new."""

    def __init__(self, dialect: Ringpost, ledger: Ledger, tally: Tally, caller: Caller) -> None:
        self._dialect, self._ledger, self._tally, self._caller = dialect, ledger, tally, caller
        self._cursor = Cursor()

    async def open(self, user: str) -> None:
        """Learn where the user's conversations stand."""
        self._token = self._dialect.token(user)
        await self._ask(0)
        self._copy = self._dialect.copy(self._cursor.positions)

    async def run(self) -> None:
        """Ask again and again until cancelled, or refused."""
        found: Sequence[Events] | Refusal = ()
        while not isinstance(found, Refusal):
            found = await self._ask(POLL_WAIT_S)
            _note(self._ledger, self._tally, self._copy, found)

    async def _ask(self, wait_s: float) -> Sequence[Events] | Refusal:
        answer = await self._caller.ask(self._dialect.poll(self._token, self._cursor, wait_s))
        read = self._dialect.polled(answer, self._cursor)
        if isinstance(read, Refusal):
            return read
        self._cursor, found = read
        return found


def _note(ledger: Ledger, tally: Tally, copy: Copy, found: Sequence[Events] | Refusal) -> None:
    """Put what an answer brought into the ledger, or count it as empty."""
    now = time.perf_counter()
    if isinstance(found, Refusal):
        ledger.fault(f"a reader was told {found.words}")
    elif not found:
        tally.empty_answers += 1
    else:
        for events in found:
            ledger.deliver(copy, ledger.tell(events.conversation, events.events), now)


def _last(found: Sequence[Events] | Refusal, position: int) -> int:
    return position if isinstance(found, Refusal) or not found else found[-1].events[-1][0]
