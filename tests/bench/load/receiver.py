"""Those who read: a socket each, every delivery into the ledger."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from deploy.swarm.websocket import Socket, only_text, open_socket, text_frame
from tests.bench.dialect import Dialect, Events, Opened, Ready, Refusal
from tests.bench.ledger import Copy, Ledger, Told
from tests.bench.load.address import Address

MOST_KNOWN = 2_000


class Tellings:
    """What payloads deliver. A room's receivers get the same bytes, which are decoded once."""

    def __init__(self, dialect: Dialect, ledger: Ledger) -> None:
        self._dialect, self._ledger = dialect, ledger
        self._known: dict[bytes, Told] = {}
        self._whole: dict[bytes, Told] = {}

    def find_whole(self, data: bytes) -> Told | None:
        """Return what *data* delivers if it is one whole frame; None if it is anything else."""
        told = self._whole.get(data)
        if told is None and (payload := only_text(data)) is not None and (told := self.find(payload)) is not None:
            if len(self._whole) >= MOST_KNOWN:
                self._whole.clear()
            self._whole[data] = told
        return told

    def find(self, payload: bytes) -> Told | None:
        """Return what *payload* delivers; None if nothing."""
        told = self._known.get(payload)
        return told if told is not None else self._decode(payload)

    def _decode(self, payload: bytes) -> Told | None:
        heard = self._dialect.hear(payload)
        if isinstance(heard, Refusal):
            self._ledger.fault(f"a receiver was told {heard.words}")
        if not isinstance(heard, Events):
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        told = self._known[payload] = self._ledger.tell(heard.conversation, heard.events)
        return told


class Receiver:
    """One user's read socket."""

    __slots__ = ("_copy", "_dialect", "_ledger", "_positions", "_ready", "_socket", "_tellings")

    _copy: Copy

    def __init__(self, dialect: Dialect, ledger: Ledger, tellings: Tellings) -> None:
        self._dialect, self._ledger, self._tellings = dialect, ledger, tellings
        self._positions: Mapping[str, int] = {}
        self._ready = asyncio.Event()
        self._socket: Socket | None = None

    async def open(self, address: Address, user: str, conversations: Sequence[str]) -> None:
        """Connect, say hello, and return when all that comes from now on is live."""
        self._socket = socket = await open_socket(address, self._dialect.socket_path)
        socket.on_text, socket.on_fault = self._begin, self._ledger.fault
        socket.write(text_frame(self._dialect.hello(user, conversations)))
        await self._ready.wait()

    def say(self, payload: bytes) -> None:
        """Send a frame."""
        assert self._socket is not None
        self._socket.write(text_frame(payload))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _begin(self, payload: bytes) -> None:
        assert self._socket is not None
        heard = self._dialect.hear(payload)
        if isinstance(heard, Refusal):
            self._ledger.fault(f"a receiver's hello was refused: {heard.words}")
        if isinstance(heard, Opened):
            self._positions = heard.positions
        if isinstance(heard, Ready | Refusal) or (isinstance(heard, Opened) and heard.is_ready):
            self._copy = self._dialect.copy(self._positions)
            self._socket.on_text, self._socket.on_data = self._take, self._take_whole
            self._ready.set()

    def _take(self, payload: bytes) -> None:
        told = self._tellings.find(payload)
        if told is not None:
            self._ledger.deliver(self._copy, told, time.perf_counter())

    def _take_whole(self, data: bytes) -> bool:
        """Take *data* if it is one frame that delivers something; whole rooms get the same bytes."""
        told = self._tellings.find_whole(data)
        if told is None:
            return False
        self._ledger.deliver(self._copy, told, time.perf_counter())
        return True
