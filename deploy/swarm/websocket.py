"""A WebSocket client of a few lines: text frames of a server that answers properly, and nothing else of RFC 6455."""

import asyncio
from collections.abc import Callable

from deploy.swarm.errors import Failed

Address = tuple[str, int]

# A client must mask. With a key of zeros the bytes stay as they are, and the server does the same work as for any other key.
_KEY = bytes(4)
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: cmluZ3Bvc3QgYmVuY2ghIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def text_frame(payload: bytes) -> bytes:
    """Return *payload* as one masked text frame, ready to be written."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, 0x80 | size)) + _KEY + payload
    return b"\x81\xfe" + size.to_bytes(2, "big") + _KEY + payload


def only_text(data: bytes) -> bytes | None:
    """Return the payload of the server's text frame that *data* is; None if it is not one, or not one alone."""
    begin = 2 if data[1:2] < b"\x7e" else 4 if data[1:2] == b"\x7e" else 10
    size = data[1] if begin == 2 and len(data) > 1 else int.from_bytes(data[2:begin], "big")
    return data[begin:] if data[:1] == b"\x81" and len(data) == begin + size else None


class Socket(asyncio.Protocol):
    """One connection; `on_text` gets the payload of each text frame, `on_fault` hears why the connection is of no more use.

    `on_data` may take what came at once, if it begins with a frame; if it does not, the frames are taken apart.
    """

    __slots__ = ("_opened", "_rest", "_transport", "is_closing", "on_data", "on_fault", "on_text")

    _transport: asyncio.Transport

    def __init__(self, opened: "asyncio.Future[None]") -> None:
        self._opened: asyncio.Future[None] = opened
        self._rest = b""
        self.is_closing = False
        self.on_text: Callable[[bytes], None] = lambda payload: None
        self.on_fault: Callable[[str], None] = lambda words: None
        self.on_data: Callable[[bytes], bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data, self._rest = self._rest + data, b""
        elif self.on_data is not None and self.on_data(data):
            return
        if not self._opened.done():
            data = self._shake_hands(data)
        start = 0
        while (end := self._take(data, start)) > start:
            start = end
        if start < len(data):
            self._rest = data[start:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(Failed("a server closed the connection instead of upgrading it"))
        elif not self.is_closing:
            self.on_fault("a server cut a connection")

    @property
    def unwritten(self) -> int:
        """The bytes that the server has not made room for yet."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self.is_closing = True
        self._transport.close()

    def _shake_hands(self, data: bytes) -> bytes:
        """Return what follows the answer to the upgrade; keep it all while that is not whole."""
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._rest = data
            return b""
        if head.startswith(b"HTTP/1.1 101 "):
            self._opened.set_result(None)
        else:
            self._opened.set_exception(Failed(f"no upgrade: {head.splitlines()[0].decode()}"))
        return rest

    def _take(self, data: bytes, start: int) -> int:
        """Hand on the frame at *start*; return where it ends, or *start* if it is not whole."""
        if len(data) < start + 2:
            return start
        opcode, size, begin = data[start], data[start + 1], start + 2
        if size >= 126:
            begin += 2 if size == 126 else 8
            size = int.from_bytes(data[start + 2 : begin], "big")
        end = begin + size
        if len(data) < end:
            return start
        if opcode == _TEXT:
            self.on_text(data[begin:end])
        elif opcode == _PING:
            self.write(bytes((0x8A, 0x80 | size)) + _KEY + data[begin:end])
        else:
            self._end(opcode, data[begin:end])
        return end

    def _end(self, opcode: int, payload: bytes) -> None:
        is_close = opcode == _CLOSE and len(payload) >= 2
        why = f"closed a socket with {int.from_bytes(payload[:2], 'big')}" if is_close else f"sent a frame {opcode:#x}"
        self.on_fault(f"a server {why}")


async def open_socket(address: Address, path: str, source: str | None = None) -> Socket:
    """Connect, from the address *source* if one is given, and upgrade; raise Failed where the server does not."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()
    host, port = address
    local = (source, 0) if source is not None else None
    _, socket = await loop.create_connection(lambda: Socket(opened), host, port, local_addr=local)
    socket.write(_UPGRADE.format(path=path, host=host, port=port).encode())
    await opened
    return socket
