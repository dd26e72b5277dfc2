"""Frames and publications: decoded strictly, encoded once."""

from uuid import uuid4

import msgspec
import pytest
from websockets.frames import Frame, Opcode

from shared import frames
from shared.bus.payload import Payload, pack, unpack
from shared.errors import Invalid

ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_wire_frame_is_what_rfc_6455_says(size: int) -> None:
    payload = b"x" * size

    assert frames.wire(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "[]",
        "null",
        '"ping"',
        "{}",
        '{"type": "nonsense"}',
        '{"type": "ping", "more": 1}',
        '{"type": "hello"}',
        '{"type": "hello", "token": 1}',
        '{"type": "hello", "token": "t", "inbox": -1}',
        '{"type": "hello", "token": "t", "inbox": 1.5}',
        '{"type": "hello", "token": "t", "inbox": "1"}',
        '{"type": "hello", "token": "t", "inbox": true}',
        '{"type": "hello", "token": "t", "inbox": 9223372036854775808}',
        '{"type": "hello", "token": "t", "inbox": NaN}',
        '{"type": "hello", "token": "t", "positions": {"x": 1}}',
        f'{{"type": "send", "conversation": "{ROOM}", "id": "1", "text": "x"}}',
        f'{{"type": "send", "conversation": "{ROOM}", "id": "{ROOM}", "text": "\\ud800"}}',
        f'{{"type": "send", "conversation": "{ROOM}", "id": "{ROOM}", "text": "x", "seq": 4}}',
        f'{{"type": "read", "conversation": "{ROOM}", "seq": 0}}',
        "[" * 900 + "]" * 900,
    ],
)
def test_a_frame_that_is_not_in_the_protocol_is_refused(text: str) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError, RecursionError)):
        frames.decode(text.encode())


@pytest.mark.parametrize("gone", [None, "bob", "-", "=", "a b\n%", "日本", "x" * 255])
def test_a_publication_is_read_as_it_was_written(gone: str | None) -> None:
    payload = Payload(uuid4(), 3, 5, 9, b'{"type":"events"}\n', gone)

    assert unpack(pack(payload)) == payload


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"garbage",
        b"1 x 0 1 1\n{}",
        b"2 %b 0 2 1 -\n{}" % (b"0" * 32),
        b"1 %b 0 1 1 -\n{}" % (b"0" * 32),
        b"2 %b 0 1 1 =%%ff\n{}" % (b"0" * 32),
    ],
)
def test_a_poison_publication_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        unpack(data)
