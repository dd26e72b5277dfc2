"""A WebSocket as a client, over `websockets`' sans-I/O protocol: one asyncio protocol, no task, no queue of its own."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from ringpost_client.carrier import ABNORMAL, Blocked
from ringpost_client.closing import is_passing
from ringpost_client.errors import ClientError, Stopped, Unavailable

MAX_FRAME_BYTES = 8 << 20


class WebSocket(asyncio.Protocol):
    """One open socket. *on_text* gets each text frame; `closed` ends with (close code, reason)."""

    def __init__(self, url: str, on_text: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self._protocol = ClientProtocol(parse_uri(url), max_size=MAX_FRAME_BYTES)
        self._on_text = on_text
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[tuple[int, str]] = loop.create_future()

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send a frame; one after the end goes nowhere."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(json.dumps(frame, separators=(",", ":")).encode())
            self._flush()

    def close(self, code: int = 1000) -> None:
        """Begin to close; `closed` says when it is done."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
            self._flush()

    def finish(self) -> None:
        """Say goodbye and go, without waiting for the peer to say it too."""
        self.close()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it now, for a peer that does not answer."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Read no further, so that the peer is held back by TCP."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are of another family
        _keep_alive(self._transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._shake()
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        with contextlib.suppress(EOFError):
            self._protocol.receive_eof()
        if not self.opened.done():
            self._shake()
        if not self.closed.done():
            self.closed.set_result((self._protocol.close_code or ABNORMAL, self._protocol.close_reason or ""))

    def _shake(self) -> None:
        """The handshake is over: say how."""
        if self.opened.done():
            return
        fault = self._protocol.handshake_exc
        if self._protocol.state is State.OPEN:
            self.opened.set_result(None)
        elif isinstance(fault, InvalidStatus):
            self.opened.set_exception(_refusal(fault.response))
        else:
            self.opened.set_exception(Unavailable("no_handshake", str(fault or "the connection was closed in the handshake")))
        self.opened.exception()  # who was cancelled while it connected does not ask any more

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        if frame.fin and not self._parts:
            self._on_text(bytes(frame.data))
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._on_text(whole)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():  # an empty string stands for the end of what we write
                transport.write_eof()
        if self._protocol.state is State.CLOSED:
            transport.close()


async def connect(url: str, on_text: Callable[[bytes], None], local_address: str | None, timeout_s: float) -> WebSocket:
    """Open a socket to *url* (ws:// or wss://), from *local_address* if one is given.

    Raises:
        Stopped: the handshake was refused for good; *code* is the HTTP status.
        Blocked: something that is not Ringpost refused it.
        Unavailable: no way through now.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None, "a URL with a host"
    secure = parts.scheme == "wss"
    try:
        async with asyncio.timeout(timeout_s):
            transport, peer = await asyncio.get_running_loop().create_connection(
                lambda: WebSocket(url, on_text),
                parts.hostname,
                parts.port or (443 if secure else 80),
                ssl=ssl.create_default_context() if secure else None,
                local_addr=(local_address, 0) if local_address else None,
            )
            try:
                await peer.opened
            except BaseException:
                transport.abort()
                raise
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise Unavailable("unreachable", f"{parts.netloc}: {str(error) or 'no answer in time'}") from error
    return peer


def _refusal(response: Response) -> ClientError:
    status = response.status_code
    if is_passing(status):
        return Unavailable(f"http_{status}", response.reason_phrase, _seconds(response.headers.get("Retry-After")))
    is_ours = response.headers.get("Content-Type", "").startswith("application/problem+json")
    return Stopped(status, response.reason_phrase) if is_ours else Blocked(status, response.reason_phrase)


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdecimal() else None


def _keep_alive(transport: asyncio.Transport) -> None:
    """Let TCP notice a dead path too, beneath the heartbeats."""
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
