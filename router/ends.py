"""The two ends of a relayed connection: what comes in at one is written to the other, out of one buffer for all.

Nothing is read for a peer that does not take it (back-pressure), a half-close goes through, a reset is passed on as a reset.
"""

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.connection import Connection

_RESET = struct.pack("ii", 1, 0)
BUFFER = 256 << 10
KEEP_ALIVE = [
    (getattr(socket, name), value)  # macOS calls one of them otherwise
    for name, value in {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}.items()
    if hasattr(socket, name)
]
_view = memoryview(bytearray(BUFFER))  # filled and emptied within one callback


class End:
    """One end of a connection: what was read at the *other* one is written here."""

    __slots__ = ("connection", "is_ended", "other", "pending", "sock")

    other: "End"

    def __init__(self, connection: "Connection", sock: socket.socket) -> None:
        self.connection, self.sock = connection, sock
        self.pending: bytes | memoryview = b""
        self.is_ended = False

    def read(self) -> None:
        """Carry over what has come."""
        connection = self.connection
        connection.is_stirred = True
        try:
            size = self.sock.recv_into(_view, connection.most_bytes)
        except BlockingIOError:
            return
        except OSError:
            connection.end(is_reset=True)
            return
        if size:
            self.other.write(_view[:size])
        else:
            self._finish()

    def write(self, data: memoryview) -> None:
        """Write *data*; what is not taken waits here, and the other end is not read until it is gone."""
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.connection.end(is_reset=True)
            return
        if sent < len(data):
            self.pending = bytes(data[sent:])
            loop = self.connection.loop
            loop.remove_reader(self.other.sock)
            loop.add_writer(self.sock, self._drain)

    def _drain(self) -> None:
        connection = self.connection
        connection.is_stirred = True
        try:
            sent = self.sock.send(self.pending)
        except BlockingIOError:
            return
        except OSError:
            connection.end(is_reset=True)
            return
        self.pending = memoryview(self.pending)[sent:]
        if not self.pending:
            self.pending = b""
            connection.loop.remove_writer(self.sock)
            connection.loop.add_reader(self.other.sock, self.other.read)

    def _finish(self) -> None:
        """This end says nothing more."""
        self.is_ended = True
        connection = self.connection
        connection.loop.remove_reader(self.sock)
        if self.other.is_ended:
            connection.end()
            return
        try:
            self.other.sock.shutdown(socket.SHUT_WR)
        except OSError:
            connection.end(is_reset=True)


def tune(sock: socket.socket) -> None:
    """Send small frames at once, and find dead peers."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEP_ALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def close(sock: socket.socket, *, is_reset: bool) -> None:
    if is_reset:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()
