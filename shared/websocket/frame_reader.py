"""A client's bytes to messages: RFC 6455 to the letter, and quick where hundreds of small texts come in one read.

A pure core. Whether a frame will be taken is known from its head, so nothing is held of one that will not.
"""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from shared.close_codes import CloseCode

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets was installed without its C extension
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
WHOLE_TEXT = 0x80 | TEXT
HEAD = Struct("!BBH4s")  # of a frame with 126 to 65,535 bytes
MOST_CONTROL_SIZE = 125
WIDTHS = {126: 2, 127: 8}  # what the short length says of the bytes that the true one takes
LEAST_SIZES = {2: 126, 8: 1 << 16}  # a smaller one takes fewer bytes
MOST_SIZE = (1 << 63) - 1
CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})

Texts = list[bytes]
"""Whole messages, one after another, all of them UTF-8."""


@dataclass(frozen=True, slots=True)
class Ping:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Close:
    """The client's close frame, well-formed: what it carries goes back to it."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Breach:
    """The client broke the RFC or a limit."""

    code: CloseCode
    reason: str


Event = Texts | Ping | Pong | Close | Breach


class FrameReader:
    """One connection's frames. A message, all its fragments together, has at most *max_bytes*; that may be changed."""

    __slots__ = ("_fragments", "_held", "_is_over", "_wanted", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._held: bytearray | None = None  # the beginning of a frame
        self._wanted = 0  # how much of it there must be before it is looked at again
        self._fragments: bytearray | None = None
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """Return what *data* completes, in order; nothing after a Close or a Breach."""
        if self._is_over:
            return []
        if self._held is None:
            return self._read(data)
        self._held += data
        if len(self._held) < self._wanted:
            return []
        held, self._held = self._held, None
        return self._read(held)

    def _read(self, data: bytes | bytearray) -> list[Event]:
        events: list[Event] = []
        start, end = 0, len(data)
        try:
            while not self._is_over and (start := self._read_texts(data, start, events)) < end:
                head = _read_head(data, start)
                if head is not None:
                    self._check(head)
                if head is None or head.end > end:
                    self._hold(data, start, head)
                    break
                self._take(head, _unmask(data, head), events)
                start = head.end
        except _Broken as broken:
            self._is_over = True
            events.append(broken.breach)
        return events

    def _read_texts(self, data: bytes | bytearray, start: int, events: list[Event]) -> int:
        """Take the texts from *start* on while they are what nearly all are: whole and short. Return where that ends."""
        if self._fragments is not None:
            return start
        texts: Texts = []
        max_bytes, append = self.max_bytes, texts.append
        end, last = len(data), len(data) - HEAD.size
        while start <= last:
            first, second, size, mask = HEAD.unpack_from(data, start)
            body = start + 8
            if 0x80 <= second < 0xFE:
                size, body, mask = second - 0x80, start + 6, data[start + 2 : start + 6]
            elif second != 0xFE or size < 126:
                break
            if first != WHOLE_TEXT or body + size > end or size > max_bytes:
                break
            text = apply_mask(data[body : body + size], mask)
            if not (text.isascii() or _is_utf8(text)):
                break
            append(text)
            start = body + size
        if texts:
            events.append(texts)
        return start

    def _check(self, head: "_Head") -> None:
        """Refuse a frame that can't be taken here, whatever its payload."""
        if head.opcode >= CLOSE:
            return
        so_far = 0 if self._fragments is None else len(self._fragments)
        if so_far + head.end - head.body > self.max_bytes:
            raise _Broken("the message is too large", CloseCode.TOO_LARGE)
        if (head.opcode == CONTINUATION) != (self._fragments is not None):
            raise _Broken("a fragment of nothing" if self._fragments is None else "the message before is not complete")
        if head.opcode == BINARY:
            raise _Broken("text frames only", CloseCode.UNSUPPORTED_DATA)

    def _hold(self, data: bytes | bytearray, start: int, head: "_Head | None") -> None:
        """Keep what has come of a frame. Once its head is known, slices of it are only gathered, never looked at."""
        self._held = data if isinstance(data, bytearray) else bytearray(memoryview(data)[start:])
        if self._held is data:
            del self._held[:start]
        self._wanted = len(self._held) + 1 if head is None else head.end - start

    def _take(self, head: "_Head", payload: bytes, events: list[Event]) -> None:
        if head.opcode == PING:
            events.append(Ping(payload))
        elif head.opcode == PONG:
            events.append(Pong())
        elif head.opcode == CLOSE:
            _check_close(payload)
            self._is_over = True
            events.append(Close(payload))
        else:
            self._join(payload, events, is_last=head.is_last)

    def _join(self, payload: bytes, events: list[Event], *, is_last: bool) -> None:
        if self._fragments is not None:
            self._fragments += payload
        elif not is_last:
            self._fragments = bytearray(payload)
        if is_last:
            text = payload if self._fragments is None else bytes(self._fragments)
            self._fragments = None
            if not (text.isascii() or _is_utf8(text)):
                raise _Broken("not UTF-8", CloseCode.INVALID_TEXT)
            events.append([text])


class _Broken(Exception):
    def __init__(self, reason: str, code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        self.breach = Breach(code, reason)


class _Head(NamedTuple):
    """A frame's head. The payload lies from *body* to *end*, the mask before it."""

    opcode: int
    is_last: bool
    body: int
    end: int


def _read_head(data: bytes | bytearray, start: int) -> _Head | None:
    """Return the head of the frame at *start*, or None for one that may be right but is not there in full."""
    first = data[start]
    opcode, is_last = first & 0x0F, first >= 0x80
    if first & 0x70 or opcode not in OPCODES:
        raise _Broken("reserved bits" if first & 0x70 else "an unknown opcode")
    if opcode >= CLOSE and not is_last:
        raise _Broken("a control frame in fragments")
    if len(data) - start < 2:
        return None
    size = data[start + 1] - 0x80
    if size < 0:
        raise _Broken("not masked")
    if opcode >= CLOSE and size > MOST_CONTROL_SIZE:
        raise _Broken("a control frame of more than 125 bytes")
    width = WIDTHS.get(size, 0)
    body = start + 2 + width + 4
    if width:
        if len(data) - start < 2 + width:
            return None
        size = int.from_bytes(data[start + 2 : start + 2 + width], "big")
        _check_size(size, width)
    return _Head(opcode, is_last, body, body + size)


def _check_size(size: int, width: int) -> None:
    if size < LEAST_SIZES[width]:
        raise _Broken("a length of more bytes than it takes")
    if size > MOST_SIZE:
        raise _Broken("a length of more than 63 bits")


def _unmask(data: bytes | bytearray, head: _Head) -> bytes:
    return apply_mask(memoryview(data)[head.body : head.end], data[head.body - 4 : head.body])


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_close(payload: bytes) -> None:
    if not _is_utf8(payload[2:]):
        raise _Broken("not UTF-8", CloseCode.INVALID_TEXT)
    if payload and int.from_bytes(payload[:2], "big") not in CLOSE_CODES:
        raise _Broken("not a close code")
