"""The lines by which senders reach a system: a connection for each send, and two at once."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.bench.failure import Failed
from tests.bench.ledger import Ledger
from tests.bench.load.address import Address
from tests.bench.load.lines import FreshLine, TwiceLine
from tests.bench.load.sender import Message
from tests.bench.load.texts import sized_texts
from tests.bench.ours import Ringpost
from tests.bench.window import settle

MESSAGES = [Message("room", id, b'"hi"') for id in ("a", "b", "c")]


class Counter:
    """An HTTP server that numbers what is posted, and counts its connections."""

    def __init__(self) -> None:
        self.connections = self.answers = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length is not None
        sent = re.search(rb'"id":"(\w+)"', await reader.readexactly(int(length[1])))
        assert sent is not None
        self.answers += 1
        body = b'{"conversation":"room","id":"%b","seq":%d}' % (sent[1], self.answers)
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()


class Note:
    """A line that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_closed = False

    def transmit(self, messages: Sequence[Message]) -> None:
        self.messages += messages

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
async def counter() -> AsyncIterator[tuple[Counter, Address]]:
    counter = Counter()
    server = await asyncio.start_server(counter.serve, "127.0.0.1", 0)
    yield counter, Address(*server.sockets[0].getsockname())
    server.close()


async def test_each_send_has_a_connection_of_its_own(counter: tuple[Counter, Address]) -> None:
    ledger = Ledger()
    line = await FreshLine(Ringpost(), ledger).open(counter[1], "alice")
    for message in MESSAGES:
        ledger.send(message.id, message.conversation, 0, 0.0, lambda: None)

    line.transmit(MESSAGES)
    await settle(ledger)

    assert (counter[0].connections, ledger.acked) == (3, 3)


async def test_a_server_that_is_away_is_a_fault() -> None:
    ledger = Ledger()
    line = await FreshLine(Ringpost(), ledger).open(Address("127.0.0.1", 1), "alice")
    ledger.send("a", "room", 0, 0.0, lambda: None)

    line.transmit(MESSAGES[:1])

    with pytest.raises(Failed, match="the connection ended"):
        await settle(ledger)


def test_what_is_sent_twice_goes_by_both_lines_in_order() -> None:
    first, second = Note(), Note()
    line = TwiceLine(first, second)

    line.transmit(MESSAGES[:2])
    line.transmit(MESSAGES[2:])
    line.close()

    assert first.messages == second.messages == MESSAGES
    assert first.is_closed
    assert second.is_closed


def test_texts_of_a_size_have_that_size_and_differ() -> None:
    texts = sized_texts(200)

    assert {len(text) - len(b'""') for text in texts.encoded} == {200}
    assert len(set(texts.encoded)) > 100
