"""A sender that does not care what was answered: it sends at its pace, as far as the server reads it."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import count, cycle
from uuid import uuid4

import msgspec

from deploy.swarm.websocket import Socket, open_socket, text_frame
from tests.bench.ledger import Ledger
from tests.bench.load.address import Address
from tests.bench.ours import Ringpost

MOST_UNWRITTEN = 64 << 10
_LATER = ("overloaded", "put_off", "unavailable")
_HEAD = b'{"type":"send","again":true,"conversation":"%b","id":"'


class _Ack(msgspec.Struct):
    conversation: str
    id: str
    seq: int


class _Frame(msgspec.Struct):
    type: str
    code: str = ""
    id: str = ""
    acks: list[_Ack] = []


_frame = msgspec.json.Decoder(_Frame).decode


class Flooder:
    """One write socket of Ringpost. Each of its sends starts over with what was put off, so that none is refused for order."""

    def __init__(self, ledger: Ledger, conversations: Sequence[str], texts: Iterator[bytes]) -> None:
        self._ledger, self._texts = ledger, texts
        self._heads = cycle([_HEAD % conversation.encode() for conversation in conversations])
        self._conversations = cycle(conversations)
        self._ids = (f"{run}-{number:012x}" for run in [str(uuid4())[:23]] for number in count())
        self._opened = asyncio.Event()
        self._socket: Socket | None = None

    async def open(self, address: Address, user: str) -> None:
        """Connect and say hello; return when the system has answered."""
        dialect = Ringpost()
        self._socket = socket = await open_socket(address, dialect.socket_path)
        socket.on_text, socket.on_fault = self._hear, self._ledger.fault
        socket.write(text_frame(dialect.hello(user, ())))
        await self._opened.wait()

    def send(self, messages: int) -> int:
        """Send so many at once, or none while the server has not read what came before; return how many it was."""
        assert self._socket is not None
        if self._socket.unwritten > MOST_UNWRITTEN:
            return 0
        self._socket.write(b"".join(self._next() for _ in range(messages)))
        return messages

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _next(self) -> bytes:
        id = next(self._ids)
        self._ledger.send(id, next(self._conversations), 0, time.perf_counter(), _note_nothing)
        return text_frame(b'%b%b","text":%b}' % (next(self._heads), id.encode(), next(self._texts)))

    def _hear(self, payload: bytes) -> None:
        frame = _frame(payload)
        if frame.type == "acks":
            for ack in frame.acks:
                self._ledger.ack(ack.conversation, ack.id, ack.seq)
        elif frame.type == "error" and frame.code in _LATER:
            self._ledger.refuse(frame.id, is_final=frame.code != "unavailable")
        elif frame.type == "error":
            self._ledger.fault(f"a sender was told {frame.code}")
        else:
            self._opened.set()


def _note_nothing() -> None:
    """No send makes place for another one."""
