"""The peers that only fan out, spoken to: rooms by name, with nothing stored, numbered or checked.

A text of 36 bytes joins the room of that name, and is answered with a welcome. In a longer one the 36 bytes name the room whose
members all get the rest. A shorter one is answered: it keeps a connection alive.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from deploy.swarm.websocket import Socket, open_socket, text_frame
from tests.bench.dialect import Dialect, Heard, Opened
from tests.bench.ledger import InOrder, Ledger
from tests.bench.load.address import Address
from tests.bench.load.sender import Message
from tests.bench.ours import Ringpost

_EVENT = (
    b'{"type":"events","conversation":"%(room)b","from":%(seq)d,"to":%(seq)d,"events":[{"seq":%(seq)d,"type":"message",'
    b'"sender":"01234567-owner-0","id":"%(id)b","at":"2026-01-01T00:00:00.000001Z","messages":%(seq)d,"text":%(text)b}]}'
)


class Relay(Ringpost):
    """The dialect of a fan-out: its members get the frames that ours would get, in the first room that they name."""

    socket_path = "/"

    def create(self, id: str, members: Sequence[str]) -> bytes | None:
        return None

    def hello(self, user: str, conversations: Sequence[str]) -> bytes:
        return conversations[0].encode()

    def hear(self, payload: bytes) -> Heard:
        heard = super().hear(payload)
        return Opened({}, is_ready=True) if isinstance(heard, Opened) else heard

    def copy(self, positions: Mapping[str, int]) -> InOrder:
        return InOrder({})


class RelayLine:
    """One who speaks to the members of rooms: it numbers what it sends, from 1 on, and takes it for acknowledged."""

    _socket: Socket

    def __init__(self, dialect: Dialect, ledger: Ledger) -> None:
        self._dialect, self._ledger = dialect, ledger
        self._seqs: Counter[str] = Counter()

    async def open(self, address: Address, user: str) -> "RelayLine":
        """Connect; return this."""
        self._socket = await open_socket(address, self._dialect.socket_path)
        self._socket.on_fault = self._ledger.fault
        return self

    def transmit(self, messages: Sequence[Message]) -> None:
        self._socket.write(b"".join(text_frame(self.frame(message)) for message in messages))

    def close(self) -> None:
        self._socket.close()

    def frame(self, message: Message) -> bytes:
        """Return what says *message*, with its number."""
        self._seqs[message.conversation] += 1
        seq, room = self._seqs[message.conversation], message.conversation.encode()
        self._ledger.ack(message.conversation, message.id, seq)
        return room + _EVENT % {b"room": room, b"seq": seq, b"id": message.id.encode(), b"text": message.text}
