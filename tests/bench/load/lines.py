"""Other ways from a sender to the system: a connection for each send, and two lines at once."""

import asyncio
from collections.abc import Sequence

from tests.bench.load.address import Address
from tests.bench.load.caller import FreshCaller, Tally
from tests.bench.load.sender import Line, Message, PostLine


class FreshLine(PostLine):
    """A new HTTP connection for each send."""

    async def open(self, address: Address, user: str) -> "FreshLine":
        """Return this; each send connects by itself."""
        self._caller, self._token = FreshCaller(address, Tally()), self._dialect.token(user)
        self._under_way: set[asyncio.Task[None]] = set()
        return self

    def transmit(self, messages: Sequence[Message]) -> None:
        for message in messages:
            task = asyncio.get_running_loop().create_task(self._send(message))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def close(self) -> None:
        for task in self._under_way:
            task.cancel()

    async def _send(self, message: Message) -> None:
        request = self._dialect.post(self._token, message.conversation, message.id, message.text)
        self._hear(message, await self._caller.ask(request))


class TwiceLine:
    """Sends everything by two lines; both acknowledge it."""

    def __init__(self, first: Line, second: Line) -> None:
        self._lines = first, second

    def transmit(self, messages: Sequence[Message]) -> None:
        for line in self._lines:
            line.transmit(messages)

    def close(self) -> None:
        for line in self._lines:
            line.close()
