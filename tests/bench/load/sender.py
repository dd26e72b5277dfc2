"""Those who send: each keeps some sends in flight, or sends when it is told to."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Protocol
from uuid import uuid4

from deploy.swarm.http import Answer, open_connection
from deploy.swarm.websocket import open_socket, text_frame
from tests.bench.dialect import Acks, Dialect, Opened, Refusal
from tests.bench.ledger import Ledger
from tests.bench.load.address import Address


@dataclass(frozen=True, slots=True)
class Message:
    """One send; its text is a JSON string."""

    conversation: str
    id: str
    text: bytes


class Line(Protocol):
    """The way from one sender to the system; it puts the acknowledgements into the ledger."""

    def transmit(self, messages: Sequence[Message]) -> None:
        """Send *messages*, in order."""

    def close(self) -> None:
        """End it."""


class SocketLine:
    """A write socket; any number of sends may be in flight on it."""

    def __init__(self, dialect: Dialect, ledger: Ledger) -> None:
        self._dialect, self._ledger = dialect, ledger
        self._opened = asyncio.Event()

    async def open(self, address: Address, user: str) -> "SocketLine":
        """Connect and say hello; return this when the system has answered."""
        self._socket = await open_socket(address, self._dialect.socket_path)
        self._socket.on_text, self._socket.on_fault = self._hear, self._ledger.fault
        self._socket.write(text_frame(self._dialect.hello(user, ())))
        await self._opened.wait()
        return self

    def transmit(self, messages: Sequence[Message]) -> None:
        send = self._dialect.send
        self._socket.write(b"".join(text_frame(send(m.conversation, m.id, m.text)) for m in messages))

    def close(self) -> None:
        self._socket.close()

    def _hear(self, payload: bytes) -> None:
        heard = self._dialect.hear(payload)
        if isinstance(heard, Acks):
            for ack in heard.acks:
                self._ledger.ack(ack.conversation, ack.id, ack.seq)
        elif isinstance(heard, Opened):
            self._opened.set()
        elif isinstance(heard, Refusal):
            self._ledger.fault(f"a sender was told {heard.words}")
            self._opened.set()


class PostLine:
    """A kept HTTP connection; one send at a time."""

    def __init__(self, dialect: Dialect, ledger: Ledger) -> None:
        self._dialect, self._ledger = dialect, ledger

    async def open(self, address: Address, user: str) -> "PostLine":
        """Connect; return this."""
        self._token = self._dialect.token(user)
        self._connection = await open_connection(address)
        return self

    def transmit(self, messages: Sequence[Message]) -> None:
        (message,) = messages
        request = self._dialect.post(self._token, message.conversation, message.id, message.text)
        self._connection.ask(request, partial(self._hear, message))

    def close(self) -> None:
        self._connection.close()

    def _hear(self, message: Message, answer: Answer) -> None:
        heard = self._dialect.posted(answer, message.conversation, message.id)
        if isinstance(heard, Refusal):
            self._ledger.fault(f"a sender was told {heard.words}")
        else:
            self._ledger.ack(heard.conversation, heard.id, heard.seq)


class Sender:
    """One user who sends to *conversations* by turns, each message to so many *receivers*."""

    def __init__(
        self, line: Line, ledger: Ledger, conversations: Sequence[str], receivers: int, texts: Iterator[bytes]
    ) -> None:
        self._line, self._ledger, self._receivers, self._texts = line, ledger, receivers, texts
        self._conversations = cycle(conversations)
        self._free = 0
        self._is_flat_out = self._is_waking = False

    def begin(self, in_flight: int) -> None:
        """Send so many, and from now on another one for each that is done."""
        self._free, self._is_flat_out = in_flight, True
        self._fill()

    def send(self) -> None:
        """Send one."""
        self._line.transmit([self._next()])

    def stop(self) -> None:
        """Send nothing more on its own account."""
        self._is_flat_out = False

    def close(self) -> None:
        self._line.close()

    def _next(self) -> Message:
        message = Message(next(self._conversations), str(uuid4()), next(self._texts))
        self._ledger.send(message.id, message.conversation, self._receivers, time.perf_counter(), self._note_done)
        return message

    def _note_done(self) -> None:
        """Gather all that gets done in this tick, then write once."""
        self._free += 1
        if self._is_flat_out and not self._is_waking:
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._fill)

    def _fill(self) -> None:
        self._is_waking = False
        if self._is_flat_out and self._free:
            messages, self._free = [self._next() for _ in range(self._free)], 0
            self._line.transmit(messages)
