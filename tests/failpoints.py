"""Points between two effects of a gateway at which a test stops it: made on the wire, with no code in the product.

A failpoint is a wire to Postgres or Redis. A trap in it is for words that a send's text has, and stops one connection:
`Hold.REQUEST` where a request with these words comes by (an append before its commit, a publication before it is published),
`Hold.COMMIT` where Postgres has committed such a request and its answer is on the way back.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import Enum, auto

from deploy.fuzz.wire import Flow, Wire, laid, target_of

REACH_S = 15.0
_HEADER = 5
_LONGEST_WORDS = 256


class Hold(Enum):
    """What is stopped."""

    REQUEST = auto()
    COMMIT = auto()


class Trap:
    """Catches the first request that has *words* in it, and holds that or its answer until it lets go."""

    def __init__(self, hold: Hold, words: str) -> None:
        assert 0 < len(words) < _LONGEST_WORDS
        self.hold = hold
        self._words = words.encode()
        self._is_set = True
        self._reached, self._let_go = asyncio.Event(), asyncio.Event()

    async def reached(self) -> None:
        """Wait until it holds something."""
        async with asyncio.timeout(REACH_S):
            await self._reached.wait()

    def let_go(self) -> None:
        """What is held goes on, unless its connection was cut; nothing more is caught."""
        self._is_set = False
        self._let_go.set()

    def catches(self, data: bytes) -> bool:
        """Say whether a request of these bytes is the one; once."""
        is_caught = self._is_set and self._words in data
        self._is_set = self._is_set and not is_caught
        return is_caught

    def set_again(self) -> None:
        """What was caught is not what was meant: another one is."""
        self._is_set = not self._let_go.is_set()

    async def stop(self) -> None:
        """Here it is: say so, and wait."""
        self._reached.set()
        await self._let_go.wait()


class Failpoint(Wire):
    """A wire in which a trap may be set, one at a time."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.trap: Trap | None = None

    def set(self, hold: Hold, words: str) -> Trap:
        """Set a trap in the place of the one before."""
        self.trap = Trap(hold, words)
        return self.trap

    def release(self) -> None:
        super().release()
        if self.trap is not None:
            self.trap.let_go()

    def _flows(self) -> tuple[Flow, Flow]:
        connection = _Connection(self)
        return connection.there, connection.back


class _Connection:
    """One connection through a failpoint, at most one of its requests caught at a time."""

    def __init__(self, point: Failpoint) -> None:
        self._point = point
        self._before = b""
        self._trap: Trap | None = None
        self._answer = b""

    async def there(self, data: bytes) -> bytes:
        trap = self._point.trap if data else None
        # The words may come in two pieces.
        is_caught = trap is not None and trap.catches(self._before + data)
        self._before = data[-_LONGEST_WORDS:]
        if is_caught and trap is not None:
            if trap.hold is Hold.REQUEST:
                await trap.stop()
            else:
                self._trap, self._answer = trap, b""
        return data

    async def back(self, data: bytes) -> bytes:
        if self._trap is None or not data:
            return data
        self._answer += data
        if not is_whole(self._answer):
            return b""
        trap, self._trap = self._trap, None
        if tells_commit(self._answer):
            await trap.stop()
        else:
            trap.set_again()
        return self._answer


@asynccontextmanager
async def failing(url: str) -> AsyncIterator[tuple[str, Failpoint]]:
    """Put a failpoint before the server at *url*; yield the URL that goes through it."""
    point = Failpoint(*target_of(url))
    async with laid(point, url) as through:
        yield through, point


def is_whole(answer: bytes) -> bool:
    """Say whether *answer*, from its beginning, holds all that Postgres says to a request.

    A row may be sent ahead of the commit; ReadyForQuery comes after it (PostgreSQL's "Message Flow", extended query).
    """
    return any(kind == b"Z" for kind, _ in _messages(answer))


def tells_commit(answer: bytes) -> bool:
    """Say whether a whole *answer* tells that something was stored, and that no transaction is open."""
    messages = list(_messages(answer))
    has_failed = any(kind == b"E" for kind, _ in messages)
    has_stored = any(kind == b"D" and b"stored" in body for kind, body in messages)
    return has_stored and not has_failed and messages[-1] == (b"Z", b"I")


def _messages(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, body) of each whole message of Postgres' protocol, version 3."""
    at = 0
    while at + _HEADER <= len(data):
        end = at + 1 + int.from_bytes(data[at + 1 : at + _HEADER])
        if end > len(data):
            return
        yield data[at : at + 1], data[at + _HEADER : end]
        at = end
