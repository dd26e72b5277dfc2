"""One WebSocket of a person, over websocket-client, read by a greenlet of its own."""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import gevent
import msgspec
import websocket

CONNECT_S = 15.0
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Line:
    """*hear* gets each frame, *lose* is called once when the socket has ended, not after `close`.

    Raises OSError or websocket.WebSocketException where it can't be opened.
    """

    def __init__(
        self,
        url: str,
        source: str | None,
        hear: Callable[["Line", Mapping[str, Any]], None],
        lose: Callable[["Line"], None],
    ) -> None:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 80)
        connection = socket.create_connection(address, CONNECT_S, source_address=(source, 0) if source else None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there = f"ws://{parts.netloc}/v1/socket"
        # A mask of zeros leaves the bytes as they are, which costs us less and the server the same.
        self._socket = websocket.create_connection(
            there, CONNECT_S, socket=connection, skip_utf8_validation=True, suppress_origin=True
        )
        self._socket.set_mask_key(lambda size: bytes(size))
        self._hear, self._lose = hear, lose
        self._is_closed = False
        self.said: Mapping[str, Any] = {}
        self.roles: tuple[str, ...] = ()
        self.gateway = ""
        self.heartbeat_s = 10.0
        self.settled_at = 0.0
        self.heard_at = self.pinged_at = time.monotonic()

    @property
    def is_up(self) -> bool:
        """Whether it has its welcome, and all that was there before."""
        return self.settled_at > 0 and not self._is_closed

    def begin(self, hello: Mapping[str, Any]) -> None:
        """Say hello, and read from now on."""
        self.say(hello)
        self._socket.settimeout(None)
        self._reader = gevent.spawn(self._read)

    def say(self, frame: Mapping[str, Any]) -> None:
        try:
            self._socket.send(_encode(frame).decode())
        except (OSError, websocket.WebSocketException):
            self._end()

    def close(self) -> None:
        """Let go of it; nothing is told any more."""
        self._is_closed = True
        self._socket.shutdown()

    def cut(self) -> None:
        """End it because the other end is silent."""
        self._socket.shutdown()

    def _read(self) -> None:
        try:
            while not self._is_closed and (text := self._socket.recv()):
                self.heard_at = time.monotonic()
                if not self._is_closed:  # it was let go of while we waited
                    self._take(_decode(text))
        except (OSError, websocket.WebSocketException):
            pass
        self._end()

    def _take(self, frame: Mapping[str, Any]) -> None:
        self._hear(self, frame)

    def _end(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._socket.shutdown()
            self._lose(self)
