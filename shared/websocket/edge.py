"""Bytes to frames and back, on a transport that uvicorn hands over with the upgrade request.

`websockets` shakes hands, then `shared.websocket.frame_reader` reads. Nothing of the handshake is kept.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus

from websockets.http11 import Request
from websockets.server import ServerProtocol

from shared import limits
from shared.errors import RingpostError
from shared.web.problems import BadRequest, write_answer
from shared.websocket.frame_reader import CLOSE, PONG, Breach, Close, Event, FrameReader, Ping
from shared.websocket.socket import Socket, Sockets

_quiet = logging.getLogger("ringpost.websocket")
_quiet.setLevel(logging.ERROR)
JOINED_FRAMES, JOINED_BYTES = 64, 1024  # what is gathered for one write: so many frames at most, none longer
HEAD_END = b"\r\n\r\n"


class Edge(asyncio.Protocol):
    """One connection. uvicorn makes it, by `functools.partial(Edge, sockets)` as its class for `ws=`."""

    __slots__ = (
        "_gathered", "_is_open", "_reader", "_resumed", "_socket", "_sockets",
        "client", "fd", "is_choked", "is_corked", "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, sockets: Sockets, config: object, server_state: object, app_state: object) -> None:
        self._sockets = sockets
        self._reader: FrameReader | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._socket: Socket | None = None
        self._gathered: list[bytes] | None = None
        self.is_corked = self._is_open = False
        self.client: tuple[str, int] | None = None
        self.is_choked = False

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass
        self.transport.set_write_buffer_limits(0)  # so what is not choked has nothing buffered: all writes went out at once
        self.fd = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """Take the request, which comes in one piece, perhaps with frames behind it; then frames, cut anywhere."""
        if self._reader is None:
            head, _, data = data.partition(HEAD_END)
            self._shake_hands(head + HEAD_END)
        if self._is_open and self._reader is not None:
            self.is_corked = True
            self._take(self._reader.feed(data))
            self.uncork()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open, self.is_corked, self._gathered = False, True, None
        self.resume_writing()
        if self._socket is not None:
            self._socket.lost()
            self._socket = None

    def pause_writing(self) -> None:
        self.is_choked = True

    def resume_writing(self) -> None:
        self.is_choked = False
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    # What the socket calls.

    async def drained(self) -> None:
        """Wait until the peer has read most of what was written, or is gone."""
        if self.is_choked:
            if self._resumed is None:
                self._resumed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._resumed)

    def limit(self, max_bytes: int) -> None:
        """Take no longer messages than that from now on."""
        assert self._reader is not None
        self._reader.max_bytes = max_bytes

    def write(self, frame: bytes) -> None:
        """Write a finished frame (`shared.frames.wire`); nothing once the closing has begun.

        The first frame of a tick leaves at once, the others joined with the tick's end; while data is being received, all of
        them when it has been dealt with.
        """
        if not self._is_open:
            return
        if self.is_corked:
            self._gather(frame)
        else:
            self.is_corked = True
            self._sockets.tick.add(self)
            self.transport.write(frame)

    def push(self, frame: bytes) -> None:
        """Write a finished frame; a client that leaves too much unread is cut, and resumes elsewhere."""
        if self._socket is not None:
            self._socket.push(frame)

    def uncork(self) -> None:
        """Write what has been gathered; the next frame leaves at once again."""
        self.is_corked = not self._is_open
        self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye and drop what still comes, until the peer has gone too; the sweep cuts whoever stays.

        To close at once would reset a peer that is still sending, and could take the close frame from it (RFC 6455 7.1.1).
        """
        if self._is_open and not self.transport.is_closing():
            self._end(code.to_bytes(2, "big") + reason.encode())
            self.transport.write_eof()
            self.transport.resume_reading()

    def abort(self) -> None:
        """Cut the connection: the peer does not read, or does not answer."""
        self._is_open, self.is_corked = False, True
        self.transport.abort()

    # Receiving.

    def _shake_hands(self, head: bytes) -> None:
        protocol = ServerProtocol(logger=_quiet)
        protocol.receive_data(head)
        request = next(iter(protocol.events_received()), None)
        refusal: RingpostError = BadRequest("The handshake is not RFC 6455's, version 13.")
        if isinstance(request, Request):
            response = protocol.accept(request)
            reason = self._sockets.refusal(request.path, request.headers.get_all("Origin"))
            if reason is None and response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                protocol.send_response(response)
                self._open(protocol.data_to_send())
                return
            refusal = reason or refusal
        self.transport.write(write_answer(refusal))
        self.transport.close()

    def _open(self, answer: Sequence[bytes]) -> None:
        self.transport.writelines(answer)
        self._reader = FrameReader(limits.HELLO_BYTES)
        self._is_open = True
        self._socket = self._sockets.accept(self)

    def _take(self, events: Sequence[Event]) -> None:
        assert self._socket is not None
        for event in events:
            if not self._is_open:
                return
            if isinstance(event, list):
                self._socket.texts(event)
            elif isinstance(event, Breach):
                self._socket.close(event.code, event.reason)
            elif isinstance(event, Close):
                self._answer_close(event.payload)
            else:
                self._socket.control()
                if isinstance(event, Ping):
                    self.write(_control_frame(PONG, event.payload))

    # Sending.

    def _answer_close(self, payload: bytes) -> None:
        assert self._socket is not None
        self._socket.closing()
        self._end(payload)
        self.transport.close()

    def _end(self, payload: bytes) -> None:
        self._flush()
        self._is_open, self.is_corked = False, True
        self.transport.write(_control_frame(CLOSE, payload))

    def _gather(self, frame: bytes) -> None:
        if len(frame) > JOINED_BYTES:
            self._flush()
            self.transport.write(frame)
        elif self._gathered is None:
            self._gathered = [frame]
        else:
            self._gathered.append(frame)
            if len(self._gathered) == JOINED_FRAMES:
                self._flush()

    def _flush(self) -> None:
        if self._gathered is not None:
            self.transport.write(b"".join(self._gathered))
            self._gathered = None


def _control_frame(opcode: int, payload: bytes) -> bytes:
    return bytes((0x80 | opcode, len(payload))) + payload
