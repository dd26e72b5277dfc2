"""Frames from clients: RFC 6455 to the letter, however they are cut."""

from collections.abc import Iterable

import pytest
from websockets.utils import apply_mask

from shared.close_codes import CloseCode
from shared.websocket import frame_reader
from shared.websocket.frame_reader import Breach, Close, Event, FrameReader, Ping, Pong
from tests.client_frames import BINARY, CLOSE, CONT, KEY, PING, PONG, TEXT, closing, frame, part

MAX_BYTES = 4096
EURO, BAD = "€".encode(), b"\xff"


def head(first: int, second: int, rest: str = "") -> bytes:
    return bytes((first, second)) + bytes.fromhex(rest)


def flat(events: Iterable[Event]) -> list[bytes | Event]:
    """Return *events* with each text for itself."""
    return [one for event in events for one in (event if isinstance(event, list) else [event])]


def read(data: bytes, *, cut: int | None = None, max_bytes: int = MAX_BYTES) -> list[bytes | Event]:
    """Return what a reader makes of *data*, given in slices of *cut* bytes."""
    reader = FrameReader(max_bytes)
    step = cut or max(1, len(data))
    return flat(event for start in range(0, len(data), step) for event in reader.feed(data[start : start + step]))


# What is right.

GOOD: dict[str, tuple[bytes, list[bytes | Event]]] = {
    "nothing": (b"", []),
    "the RFC's masked Hello": (bytes.fromhex("818537fa213d7f9f4d5158"), [b"Hello"]),
    "an empty text": (frame(TEXT), [b""]),
    "a text of one byte": (frame(TEXT, b"x"), [b"x"]),
    "a text of 125 bytes": (frame(TEXT, b"x" * 125), [b"x" * 125]),
    "a text of 126 bytes": (frame(TEXT, b"x" * 126), [b"x" * 126]),
    "a text as long as may be": (frame(TEXT, b"x" * MAX_BYTES), [b"x" * MAX_BYTES]),
    "a mask of zeros": (frame(TEXT, b"clear", key=bytes(4)), [b"clear"]),
    "signs of one to four bytes": (frame(TEXT, "aé€😀".encode()), ["aé€😀".encode()]),
    "the last sign of Unicode": (frame(TEXT, b"\xf4\x8f\xbf\xbf"), [b"\xf4\x8f\xbf\xbf"]),
    "a byte of zero": (frame(TEXT, b"\0"), [b"\0"]),
    "three texts": (frame(TEXT, b"1") + frame(TEXT) + frame(TEXT, b"3" * 300), [b"1", b"", b"3" * 300]),
    "half a text": (frame(TEXT, b"half a text")[:-1], []),
    "a text, and half a head": (frame(TEXT, b"x") + head(0x81, 0xFE, "01"), [b"x"]),
    "two fragments": (part(TEXT, b"Hel") + frame(CONT, b"lo"), [b"Hello"]),
    "many fragments": (part(TEXT, b"a") + part(CONT, b"b") * 50 + frame(CONT, b"c"), [b"a" + b"b" * 50 + b"c"]),
    "empty fragments": (part(TEXT) + part(CONT) * 3 + frame(CONT), [b""]),
    "an empty last fragment": (part(TEXT, b"x") + frame(CONT), [b"x"]),
    "a sign in two fragments": (part(TEXT, EURO[:1]) + frame(CONT, EURO[1:]), [EURO]),
    "fragments as long as may be": (part(TEXT, b"x" * 4000) + frame(CONT, b"x" * 96), [b"x" * MAX_BYTES]),
    "fragments without an end": (part(TEXT, b"x") + part(CONT, b"y"), []),
    "fragmented, then whole": (part(TEXT, b"a") + frame(CONT, b"b") + frame(TEXT, b"c"), [b"ab", b"c"]),
    "twice in fragments": ((part(TEXT, b"a") + frame(CONT, b"b")) * 2, [b"ab", b"ab"]),
    "an empty ping": (frame(PING), [Ping(b"")]),
    "a ping of 125 bytes, no UTF-8": (frame(PING, BAD * 125), [Ping(BAD * 125)]),
    "a pong that nobody asked for": (frame(PONG, b"unasked"), [Pong()]),
    "pings between texts": (frame(TEXT, b"1") + frame(PING, b"p") + frame(TEXT, b"2"), [b"1", Ping(b"p"), b"2"]),
    "a ping in a message": (part(TEXT, b"a") + frame(PING, b"p") + frame(CONT, b"b"), [Ping(b"p"), b"ab"]),
    "a pong in a message": (part(TEXT, b"a") + frame(PONG) + frame(CONT, b"b"), [Pong(), b"ab"]),
    "a ping in a message that has no room left": (
        part(TEXT, b"x" * MAX_BYTES) + frame(PING, b"p" * 125) + frame(CONT),
        [Ping(b"p" * 125), b"x" * MAX_BYTES],
    ),
    "a close without a code": (frame(CLOSE), [Close(b"")]),
    "a close with a code": (closing(1000), [Close(b"\x03\xe8")]),
    "a close with a reason": (closing(1001, "away €".encode()), [Close(b"\x03\xe9" + "away €".encode())]),
    "a close with a reason of 123 bytes": (closing(1000, b"r" * 123), [Close(b"\x03\xe8" + b"r" * 123)]),
    "a close in a message (RFC 6455 5.4)": (part(TEXT, b"a") + closing(1000), [Close(b"\x03\xe8")]),
    "a text after a close": (closing(1000) + frame(TEXT, b"late"), [Close(b"\x03\xe8")]),
    "a ping after a close": (closing(1000) + frame(PING), [Close(b"\x03\xe8")]),
    "two closes": (closing(1000) + closing(1001), [Close(b"\x03\xe8")]),
    "garbage after a close": (closing(1000) + b"\xff" * 20, [Close(b"\x03\xe8")]),
}

# What is not, and the code that it is closed with.

BROKEN: dict[str, tuple[bytes, int]] = {
    "not masked": (head(0x81, 0x05) + b"Hello", 1002),
    "a ping that is not masked": (head(0x89, 0x00), 1002),
    "a close that is not masked": (head(0x88, 0x02, "03e8"), 1002),
    "the first reserved bit": (frame(TEXT, b"x", rsv=0x40), 1002),
    "the second reserved bit": (frame(TEXT, b"x", rsv=0x20), 1002),
    "the third reserved bit": (frame(TEXT, b"x", rsv=0x10), 1002),
    "all reserved bits": (frame(TEXT, b"x", rsv=0x70), 1002),
    "a reserved bit of a ping": (frame(PING, rsv=0x40), 1002),
    "a reserved bit of a close": (frame(CLOSE, rsv=0x10), 1002),
    "a reserved bit of a fragment": (part(TEXT, b"x") + frame(CONT, b"x", rsv=0x40), 1002),
    **{f"opcode {n:#x}": (frame(n, b"x"), 1002) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "an unknown opcode in fragments": (part(3, b"x"), 1002),
    "a ping in fragments": (part(PING, b"x"), 1002),
    "a pong in fragments": (part(PONG, b"x"), 1002),
    "a close in fragments": (part(CLOSE, b"\x03\xe8"), 1002),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "a ping that says 64 bits": (head(0x89, 0xFF, "0000000000000001"), 1002),
    "a close of 126 bytes": (closing(1000, b"x" * 124), 1002),
    "125 bytes in 16 bits": (head(0x81, 0xFE, "007d") + KEY + bytes(125), 1002),
    "no bytes in 16 bits": (head(0x81, 0xFE, "0000") + KEY, 1002),
    "65,535 bytes in 64 bits": (head(0x81, 0xFF, "000000000000ffff") + KEY, 1002),
    "no bytes in 64 bits": (head(0x81, 0xFF, "0000000000000000") + KEY, 1002),
    "a length of 64 bits": (head(0x81, 0xFF, "8000000000000000") + KEY, 1002),
    "2^62 bytes": (head(0x81, 0xFF, "4000000000000000") + KEY, 1009),
    "65,536 bytes": (head(0x81, 0xFF, "0000000000010000") + KEY, 1009),
    "one byte too many": (frame(TEXT, b"x" * (MAX_BYTES + 1)), 1009),
    "one byte too many in two fragments": (part(TEXT, b"x" * 4000) + frame(CONT, b"x" * 97), 1009),
    "one byte too many in a third fragment": (part(TEXT, b"x" * 4000) + part(CONT, b"x" * 96) + frame(CONT, b"x"), 1009),
    "too many bytes in a first fragment": (part(TEXT, b"x" * 4097), 1009),
    "a continuation of nothing": (frame(CONT, b"x"), 1002),
    "a fragment of nothing": (part(CONT, b"x"), 1002),
    "a continuation after the last": (part(TEXT, b"a") + frame(CONT, b"b") + frame(CONT, b"c"), 1002),
    "a text in a message": (part(TEXT, b"a") + frame(TEXT, b"b"), 1002),
    "a text in fragments in a message": (part(TEXT, b"a") + part(TEXT, b"b"), 1002),
    "a binary in a message": (part(TEXT, b"a") + frame(BINARY, b"b"), 1002),
    "a binary": (frame(BINARY, b"\x00\x01"), 1003),
    "an empty binary": (frame(BINARY), 1003),
    "a binary in fragments": (part(BINARY, b"x"), 1003),
    "bytes that begin no sign": (frame(TEXT, b"ok \xff"), 1007),
    "half a sign": (frame(TEXT, EURO[:2]), 1007),
    "a continuation byte": (frame(TEXT, b"\x80"), 1007),
    "an overlong slash": (frame(TEXT, b"\xc0\xaf"), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "beyond Unicode": (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "five bytes for a sign": (frame(TEXT, b"\xf8\x88\x80\x80\x80"), 1007),
    "a long text that is no UTF-8": (frame(TEXT, b"x" * 300 + BAD), 1007),
    "half a sign in fragments": (part(TEXT, EURO[:1]) + frame(CONT, EURO[1:2]), 1007),
    "no UTF-8 in the last fragment": (part(TEXT, b"fine") + frame(CONT, BAD), 1007),
    "half a code": (frame(CLOSE, b"\x03"), 1002),
    **{f"code {n}": (closing(n), 1002) for n in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
    "a reason that is no UTF-8": (closing(1000, BAD), 1007),
    "a reason that ends in half a sign": (closing(1000, EURO[:2]), 1007),
}


@pytest.mark.parametrize("cut", [None, 1, 3])
@pytest.mark.parametrize("name", GOOD)
def test_what_the_rfc_allows_is_taken(name: str, cut: int | None) -> None:
    data, events = GOOD[name]

    assert read(data, cut=cut) == events


@pytest.mark.parametrize("cut", [None, 1, 3])
@pytest.mark.parametrize("name", GOOD)
def test_it_is_taken_alike_where_the_mask_is_pythons(name: str, cut: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_reader, "apply_mask", apply_mask)
    data, events = GOOD[name]

    assert read(data, cut=cut) == events


@pytest.mark.parametrize("cut", [None, 1, 3])
@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_rfc_is_closed_with_its_code_and_is_the_last_that_is_heard(name: str, cut: int | None) -> None:
    data, code = BROKEN[name]

    *before, last = read(frame(TEXT, b"before") + data + frame(TEXT, b"after") + frame(PING), cut=cut)

    assert before in ([b"before"], [b"before", b"ab"])
    assert isinstance(last, Breach)
    assert last.code == code


@pytest.mark.parametrize("code", [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999])
def test_a_code_that_may_be_sent_is_taken(code: int) -> None:
    assert read(closing(code)) == [Close(code.to_bytes(2, "big"))]


# When it is known.

KNOWN_EARLY = {
    "a reserved bit": (b"\xc1", 1002),
    "an unknown opcode": (b"\x83", 1002),
    "a control frame in fragments": (b"\x09", 1002),
    "no mask": (b"\x81\x05", 1002),
    "a control frame that is too long": (b"\x89\xfe", 1002),
    "a length that is longer than it need be": (b"\x81\xfe\x00\x05", 1002),
    "a text that is too large": (b"\x81\xfe\x10\x01", 1009),
    "2^62 bytes": (b"\x81\xff\x40" + bytes(7), 1009),
    "a binary": (b"\x82\xfe\x10\x00", 1003),
    "a continuation of nothing": (b"\x80\xfe\x10\x00", 1002),
}


@pytest.mark.parametrize("name", KNOWN_EARLY)
def test_a_frame_that_will_not_be_taken_is_refused_by_its_head_before_its_payload_comes(name: str) -> None:
    data, code = KNOWN_EARLY[name]
    reader = FrameReader(MAX_BYTES)

    assert reader.feed(data[:-1]) == []
    [breach] = reader.feed(data[-1:])

    assert isinstance(breach, Breach)
    assert breach.code == code


def test_a_fragment_that_makes_a_message_too_large_is_refused_by_its_head() -> None:
    reader = FrameReader(MAX_BYTES)

    assert reader.feed(part(TEXT, b"x" * 4000) + b"\x00\xe1") == [Breach(CloseCode.TOO_LARGE, "the message is too large")]


def test_a_limit_that_is_lowered_holds_for_the_message_that_has_begun() -> None:
    reader = FrameReader(MAX_BYTES)
    text = frame(TEXT, b"x" * 2000)

    assert reader.feed(text[:1000]) == []
    reader.max_bytes = 1999

    assert reader.feed(text[1000:]) == [Breach(CloseCode.TOO_LARGE, "the message is too large")]


# How it is cut.


class Watched(FrameReader):
    """Counts how often it looks at what it holds."""

    looks = 0

    def _read(self, data: bytes | bytearray) -> list[Event]:
        self.looks += 1
        return super()._read(data)


def test_a_large_frame_in_slices_of_one_byte_is_looked_at_a_few_times_only() -> None:
    text = b"x" * (128 * 1024)
    data = frame(TEXT, text)
    reader = Watched(len(text))

    events = [event for n in range(len(data)) for event in reader.feed(data[n : n + 1])]

    assert events == [[text]]
    assert reader.looks <= 14 + 1


def test_texts_that_come_together_are_handed_on_together() -> None:
    texts = [b"%d" % n * 100 for n in range(200)]

    assert FrameReader(MAX_BYTES).feed(b"".join(frame(TEXT, text) for text in texts)) == [texts]
