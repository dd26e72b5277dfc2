"""One client of a swarm: a read socket, and the way back when that is cut."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from deploy.swarm.book import Book, Copy, Told
from deploy.swarm.delays import Delays
from deploy.swarm.errors import Failed
from deploy.swarm.frames import PATH, PING, Frame, hello
from deploy.swarm.websocket import Address, Socket, open_socket, text_frame

OPEN_S, BACKOFF_S, BACKOFF_CAP_S = 60.0, 0.5, 30.0
PONG = b'{"type":"pong"}'
_PING_FRAME = text_frame(PING)


@dataclass(slots=True)
class Party:
    """What the guests of a process share."""

    book: Book = field(default_factory=Book)
    delays: Delays = field(default_factory=Delays)
    absences: Delays = field(default_factory=Delays)
    live: int = 0
    cuts: int = 0
    returns: int = 0
    failures: int = 0
    delivered: int = 0
    is_over: bool = False
    coming: set["asyncio.Task[None]"] = field(default_factory=set)


class Guest:
    """*inbox*: the user's inbox is known up to there; *source*: the address to connect from."""

    __slots__ = ("_address", "_copy", "_inbox", "_is_live", "_live", "_party", "_socket", "_source", "_spread_s", "_token")

    def __init__(self, party: Party, token: str, address: Address, source: str | None, inbox: int) -> None:
        self._party, self._token, self._address, self._source, self._inbox = party, token, address, source, inbox
        self._copy = Copy()
        self._socket: Socket | None = None
        self._live: asyncio.Future[None] | None = None
        self._is_live = False
        self._spread_s = 0.0

    @property
    def positions(self) -> dict[str, int]:
        return self._copy.positions

    async def come(self) -> None:
        """Connect, say hello, and return when all that comes from now on is live.

        Raises:
            Failed, OSError, TimeoutError: it did not come to that.
        """
        self._live = live = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(OPEN_S):
                self._socket = socket = await open_socket(self._address, PATH, self._source)
                socket.on_text, socket.on_data, socket.on_fault = self._hear, self._hear_whole, self._lose
                socket.write(text_frame(hello(self._token, self._inbox, self._copy.epoch, self._copy.positions)))
                await live
        except BaseException:
            self.close()
            raise
        finally:
            self._live = None
        self._is_live = True
        self._party.live += 1

    def ping(self) -> None:
        if self._is_live and self._socket is not None:
            self._socket.write(_PING_FRAME)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _hear_whole(self, data: bytes) -> bool:
        """Take *data* if it is a pong, which comes more often than all else together."""
        return data[2:] == PONG

    def _hear(self, payload: bytes) -> None:
        word = self._party.book.open(payload)
        if isinstance(word, Told):
            self._deliver(word)
        else:
            self._mind(word)

    def _deliver(self, told: Told) -> None:
        party = self._party
        if self._copy.take(told, party.book):
            now = time.monotonic_ns()
            for due in told.dues:
                party.delays.add(now - due)
            party.delivered += len(told.dues)

    def _mind(self, frame: Frame) -> None:
        if frame.type == "welcome":
            self._copy.welcome(frame, self._party.book)
            self._spread_s = frame.reconnect.spread_s if frame.reconnect else 0.0
        elif frame.type == "caught_up" and self._live is not None and not self._live.done():
            self._live.set_result(None)
        elif frame.type in ("error", "position_lost"):
            self._party.book.fault(f"a guest was told {frame.code or frame.type}")

    def _lose(self, words: str) -> None:
        """The socket is of no more use: come back as a client does."""
        if self._live is not None and not self._live.done():
            self._live.set_exception(Failed(words))
        if self._is_live:
            self._is_live = False
            self._party.live -= 1
            self._party.cuts += 1
            self.close()
            task = asyncio.get_running_loop().create_task(self._come_back())
            self._party.coming.add(task)
            task.add_done_callback(self._party.coming.discard)

    async def _come_back(self) -> None:
        """First within what the gateway said, then with full jitter, until it works."""
        cut_at = time.monotonic_ns()
        tries, wait_s = 0, max(self._spread_s, BACKOFF_S)
        while not self._party.is_over:
            await asyncio.sleep(random.uniform(0, wait_s))  # noqa: S311  # not a secret
            try:
                await self.come()
            except (Failed, OSError, TimeoutError):
                self._party.failures += 1
                tries += 1
                wait_s = min(BACKOFF_CAP_S, BACKOFF_S * 2**tries)
            else:
                self._party.returns += 1
                self._party.absences.add(time.monotonic_ns() - cut_at)
                return
