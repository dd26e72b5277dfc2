"""A WebSocket client without a library, for what no library would send or hide."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.client_frames import CLOSE

WAIT_S = 10.0
HANDSHAKE = (
    b"GET /v1/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b64encode(bytes(16)) + b"\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Said:
    """A frame of the server's."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """The code of a close frame."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big")


class BareSocket:
    """One connection whose handshake is done, and what the server says on it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._held = b""

    def send(self, data: bytes, *, cut: int | None = None) -> None:
        """Send *data*, in segments of *cut* bytes."""
        for start in range(0, len(data), cut or len(data)):
            self._connection.sendall(data[start : start + (cut or len(data))])

    def hear(self) -> Said | None:
        """Return the server's next frame, or None once it has closed."""
        head = self._take(2)
        if not head:
            return None
        assert head[0] & 0xF0 == 0x80, "whole, and no reserved bit"
        size = head[1]
        if size >= 126:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        return Said(head[0] & 0x0F, self._take(size))

    def hear_all(self) -> list[Said]:
        """Return all that the server still says, which ends with its end."""
        said: list[Said] = []
        while (one := self.hear()) is not None:
            said.append(one)
        return said

    def shake_hands(self, data: bytes = b"") -> None:
        """Ask for the WebSocket, with *data* in the same segment."""
        self._connection.sendall(HANDSHAKE + data)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._take(1)
        assert head.startswith(b"HTTP/1.1 101 "), head

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            data = self._connection.recv(1 << 16)
            if not data:
                assert not self._held, f"it closed within a frame, after {self._held!r}"
                return b""
            self._held += data
        taken, self._held = self._held[:size], self._held[size:]
        return taken


@contextmanager
def bare(port: int, data: bytes = b"") -> Iterator[BareSocket]:
    """Connect and shake hands, with *data* in the handshake's segment."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = BareSocket(connection)
        peer.shake_hands(data)
        yield peer
