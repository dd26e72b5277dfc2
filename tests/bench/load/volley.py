"""Messages that are sent together, and the next so many when everybody has them."""

import asyncio
import time
from collections.abc import Iterator
from uuid import uuid4

from tests.bench.ledger import Ledger
from tests.bench.load.sender import Line, Message


class Volley:
    """Sends to one conversation, each message to so many *receivers*."""

    def __init__(self, line: Line, ledger: Ledger, conversation: str, receivers: int, texts: Iterator[bytes]) -> None:
        self._line, self._ledger, self._conversation = line, ledger, conversation
        self._receivers, self._texts = receivers, texts
        self._size = self._left = 0

    def begin(self, size: int) -> None:
        """Fire *size* messages, and again when all of them have been acknowledged and delivered, until `stop`."""
        self._size = size
        self.fire(size)

    def fire(self, size: int) -> None:
        """Send so many messages at once."""
        self._left += size
        self._line.transmit([self._next() for _ in range(size)])

    def stop(self) -> None:
        self._size = 0

    def close(self) -> None:
        self._line.close()

    def _next(self) -> Message:
        message = Message(self._conversation, str(uuid4()), next(self._texts))
        self._ledger.send(message.id, message.conversation, self._receivers, time.perf_counter(), self._note_done)
        return message

    def _note_done(self) -> None:
        self._left -= 1
        if not self._left:
            asyncio.get_running_loop().call_soon(self._again)

    def _again(self) -> None:
        if self._size and not self._left:
            self.fire(self._size)
