"""The frame reader beside websockets' own: the same messages of any valid bytes, the same close code for any others."""

import logging
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from shared.websocket.frame_reader import Breach, Close, Event, FrameReader, Ping, Pong, _Broken
from tests.client_frames import CLOSE, CONT, FIN, PING, PONG, TEXT, closing, frame, part

MAX_BYTES = 4096
QUIET = logging.getLogger("tests.quiet")
QUIET.setLevel(logging.CRITICAL)

# Where this reader is stricter, by the reason that it gives; and what websockets may say of the same frame instead.
STRICTER: dict[str, set[int | None]] = {
    "a length of more bytes than it takes": {None, 1002, 1003, 1007},
    # websockets knows these after the frame's size
    "a length of more than 63 bits": {1009},
    "reserved bits": {1002, 1009},
    "a control frame in fragments": {1002, 1009},
    "a control frame of more than 125 bytes": {1002, 1009},
}


class Reference:
    """websockets' server protocol, with what Ringpost adds: no binary, and a text is UTF-8."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol(state=State.OPEN, max_size=MAX_BYTES, logger=QUIET)
        self._message = b""
        self._frames = 0
        self.events: list[bytes | Event] = []
        self.code: int | None = None

    def feed(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            self._frames += 1
            if self.code is None:
                assert isinstance(event, Frame)
                self._take(event.opcode, bytes(event.data), event.fin)
        sent = self._protocol.close_sent
        if self.code is None and sent is not None and not any(isinstance(event, Close) for event in self.events):
            self.code = sent.code

    @property
    def refuses_a_close(self) -> bool:
        """It takes no close in the middle of a message, where RFC 6455 5.4 allows control frames, and a close is one."""
        return self._protocol.close_rcvd is not None and self.code == 1002

    def feed_the_rest(self) -> None:
        """Fill up the frame that it waits for, so that it says what it thinks of it."""
        frames = self._frames
        for _ in range(MAX_BYTES + 14):
            if self.code is None and self._frames == frames:
                self.feed(b"\0")

    def _take(self, opcode: Opcode, data: bytes, fin: bool) -> None:
        controls: dict[Opcode, Event] = {Opcode.PING: Ping(data), Opcode.PONG: Pong(), Opcode.CLOSE: Close(data)}
        if opcode in controls:
            self.events.append(controls[opcode])
        elif opcode is Opcode.BINARY:
            self.code = 1003
        else:
            self._message += data
            if fin:
                self._end_message()

    def _end_message(self) -> None:
        message, self._message = self._message, b""
        try:
            message.decode()
        except UnicodeDecodeError:
            self.code = 1007
        else:
            self.events.append(message)


def read(reader: FrameReader, data: bytes, places: Sequence[int]) -> tuple[list[bytes | Event], Breach | None]:
    """Return what *reader* makes of *data*, cut at *places*: each text for itself, and the breach if there is one."""
    at = sorted({0, len(data), *(place for place in places if place < len(data))})
    events: list[bytes | Event] = []
    for start, end in pairwise(at):
        for event in reader.feed(data[start:end]):
            events += event if isinstance(event, list) else [event]
    breach = events.pop() if events and isinstance(events[-1], Breach) else None
    assert breach is None or isinstance(breach, Breach)
    return events, breach


def compare(reader: FrameReader, data: bytes, places: Sequence[int]) -> None:
    """Fail where *reader* reads *data* otherwise than websockets does, but for what STRICTER says."""
    reference = Reference()
    reference.feed(data)
    events, breach = read(reader, data, places)
    if breach is None:
        if reference.refuses_a_close:
            assert isinstance(events.pop(), Close)
            reference.code = None
        assert (events, None) == (reference.events, reference.code)
        return
    assert events == reference.events[: len(events)]
    if breach.reason not in STRICTER:
        assert events == reference.events
        reference.feed_the_rest()
        assert breach.code == reference.code
    else:
        assert reference.code in STRICTER[breach.reason] | {None}


keys = st.binary(min_size=4, max_size=4)
controls = st.builds(frame, st.sampled_from([PING, PONG]), st.binary(max_size=125), key=keys)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A text, whole or in fragments, with control frames between them."""
    text = draw(st.text(max_size=400)).encode()
    at = [0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=4))), len(text)]
    sent = b""
    for n, (start, end) in enumerate(pairwise(at)):
        sent += b"".join(draw(st.lists(controls, max_size=2))) if n else b""
        sent += frame(CONT if n else TEXT, text[start:end], fin=FIN if n == len(at) - 2 else 0, key=draw(keys))
    return sent


valid = st.lists(messages() | controls, max_size=12).map(b"".join)
reasons = st.text(max_size=30).map(str.encode)
goodbyes = st.sampled_from([b"", frame(CLOSE)]) | st.builds(closing, st.sampled_from([1000, 1001, 3000, 4999]), reasons)
odd_frames = st.builds(
    frame,
    st.integers(0, 15),
    st.binary(max_size=140) | st.text(max_size=40).map(str.encode),
    fin=st.sampled_from([0, FIN, FIN]),
    rsv=st.sampled_from([0, 0, 0, 0, 0x10, 0x40]),
    key=keys,
)
odd_closes = st.builds(closing, st.integers(0, 65_535), st.binary(max_size=3))
garbage = st.lists(st.binary(max_size=12) | odd_frames | odd_closes | messages(), max_size=5).map(b"".join)
places = st.lists(st.integers(0, 4_000), max_size=20)


@settings(deadline=None)
@given(valid, goodbyes, places)
def test_any_valid_frames_cut_anywhere_are_the_messages_that_websockets_reads(
    data: bytes, goodbye: bytes, at: list[int]
) -> None:
    reference = Reference()
    reference.feed(data + goodbye)

    assert read(FrameReader(MAX_BYTES), data + goodbye, at) == (reference.events, None)
    assert reference.code is None


@settings(max_examples=500, deadline=None)
@given(garbage, places)
def test_any_bytes_cut_anywhere_get_the_close_code_that_websockets_gives(data: bytes, at: list[int]) -> None:
    compare(FrameReader(MAX_BYTES), data, at)


class Lax(FrameReader):
    def _check(self, head: object) -> None:
        """Take what is too large, binary, or a fragment of nothing."""


class Forgetful(FrameReader):
    def _join(self, payload: bytes, events: list[Event], *, is_last: bool) -> None:
        if is_last:
            events.append([payload])


class Repeating(FrameReader):
    def feed(self, data: bytes) -> list[Event]:
        return super().feed(data) * 2


class Picky(FrameReader):
    def _check(self, head: object) -> None:
        raise _Broken("I don't like it")


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (Lax, frame(TEXT, b"x" * (MAX_BYTES + 1))),
        (Lax, frame(CONT, b"x")),
        (Forgetful, part(TEXT, b"a") + frame(CONT, b"b")),
        (Forgetful, part(TEXT, b"\xff") + frame(CONT, b"b")),
        (Repeating, frame(TEXT, b"x")),
        (Picky, frame(TEXT, b"half of it")[:8]),
        (Picky, part(TEXT, b"half of it")[:8]),
    ],
)
def test_a_reader_with_a_fault_is_found_out(reader: type[FrameReader], data: bytes) -> None:
    with pytest.raises(AssertionError):
        compare(reader(MAX_BYTES), data, [])
