"""What the services say to a swarm, as far as it listens, and what it says to them (`docs/protocol.md`). A pure core."""

from collections.abc import Mapping
from typing import Any

import msgspec

PATH = "/v1/socket"
PING = b'{"type":"ping"}'


class Ack(msgspec.Struct):
    conversation: str
    id: str
    seq: int


class Event(msgspec.Struct):
    seq: int
    id: str
    type: str


class Range(msgspec.Struct, rename={"first": "from", "last": "to"}):
    conversation: str
    first: int
    last: int
    complete: bool = True


class Reconnect(msgspec.Struct):
    spread_s: float


class Frame(msgspec.Struct, rename={"first": "from", "last": "to"}):
    """Any frame; fields that it does not have are empty."""

    type: str
    conversation: str = ""
    id: str = ""
    code: str = ""
    epoch: str = ""
    gateway: str = ""
    first: int = 0
    last: int = 0
    reconnect: Reconnect | None = None
    ranges: list[Range] = []
    acks: list[Ack] = []
    events: list[Event] = []


read = msgspec.json.Decoder(Frame).decode
_encode = msgspec.json.Encoder().encode


def hello(token: str, inbox: int, epoch: str = "", positions: Mapping[str, int] | None = None) -> bytes:
    """Return the first frame of one who has the inbox up to there, and these positions."""
    said: dict[str, Any] = {"type": "hello", "token": token, "inbox": inbox}
    return _encode(said | ({"epoch": epoch, "positions": positions} if epoch else {}))


def send(conversation: str, id: str, text: bytes, *, again: bool = False) -> bytes:
    """Return the frame that sends *text*, a JSON string."""
    end = b',"again":true}' if again else b"}"
    return b'{"type":"send","conversation":"%b","id":"%b","text":%b%b' % (conversation.encode(), id.encode(), text, end)
