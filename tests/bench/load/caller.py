"""How a client that polls makes its requests: on a new connection each, or on one that it keeps."""

from dataclasses import dataclass
from typing import Protocol

from deploy.swarm.http import LOST, Answer, Connection, open_connection
from tests.bench.load.address import Address


@dataclass(slots=True)
class Tally:
    """What all clients together did."""

    handshakes: int = 0
    empty_answers: int = 0


class Caller(Protocol):
    """Makes one request at a time, and counts the handshakes."""

    async def open(self) -> None:
        """Connect, if a connection is kept."""

    async def ask(self, request: bytes) -> Answer:
        """Return the answer; its status is 0 where none came."""

    def close(self) -> None:
        """End what is kept."""


class FreshCaller:
    """Connects for each request."""

    def __init__(self, address: Address, tally: Tally) -> None:
        self._address, self._tally = address, tally

    async def open(self) -> None:
        """Nothing is kept."""

    async def ask(self, request: bytes) -> Answer:
        self._tally.handshakes += 1
        try:
            connection = await open_connection(self._address)
        except OSError:
            return LOST
        try:
            return await connection.answer(request)
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing is kept."""


class KeptCaller:
    """Connects once; where the server ends the connection, the rest of the requests have no answer."""

    def __init__(self, address: Address, tally: Tally) -> None:
        self._address, self._tally = address, tally
        self._connection: Connection | None = None

    async def open(self) -> None:
        self._tally.handshakes += 1
        self._connection = await open_connection(self._address)

    async def ask(self, request: bytes) -> Answer:
        assert self._connection is not None, "open comes first"
        return await self._connection.answer(request)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
