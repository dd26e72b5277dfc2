"""Bytes to frames and back: websockets' sans-I/O protocol on a transport that uvicorn hands over after the upgrade request."""

import asyncio
import logging
from http import HTTPStatus

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from shared import limits
from shared.close_codes import CloseCode
from shared.web.problems import BadRequest, write_answer
from shared.websocket.socket import Socket, Sockets

_quiet = logging.getLogger("ringpost.websocket")
_quiet.setLevel(logging.ERROR)
HIGH_WATER_BYTES = 64 * 1024


class Edge(asyncio.Protocol):
    """One connection. uvicorn makes it, by `functools.partial(Edge, sockets)` as its class for `ws=`."""

    __slots__ = ("_parts", "_protocol", "_resumed", "_socket", "_sockets", "client", "is_choked", "transport")

    transport: asyncio.Transport

    def __init__(self, sockets: Sockets, config: object, server_state: object, app_state: object) -> None:
        self._sockets = sockets
        self._protocol = ServerProtocol(max_size=limits.HELLO_BYTES, logger=_quiet)
        self._parts: list[bytes] | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._socket: Socket | None = None
        self.client: tuple[str, int] | None = None
        self.is_choked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Request):
                self._shake_hands(event)
        self._flush()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
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

    async def drained(self) -> None:
        """Wait until the peer has read most of what was written, or is gone."""
        if self.is_choked:
            if self._resumed is None:
                self._resumed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._resumed)

    def write(self, frame: bytes) -> None:
        """Write a finished frame (`shared.frames.wire`); nothing once the closing has begun."""
        if self._protocol.state is State.OPEN:
            self.transport.write(frame)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake; the sweep cuts whoever does not answer."""
        if self._protocol.state is State.OPEN:
            self._protocol.fail(code, reason)
            self._flush()

    def abort(self) -> None:
        """Cut the connection: the peer does not read, or does not answer."""
        self.transport.abort()

    def _shake_hands(self, request: Request) -> None:
        refusal = self._sockets.refusal(request.path, request.headers.get_all("Origin"))
        response = self._protocol.accept(request)
        if refusal is None and response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._protocol.send_response(response)
            self._socket = self._sockets.accept(self)
        else:
            self.transport.write(write_answer(refusal or BadRequest("The handshake is not RFC 6455's, version 13.")))
            self.transport.close()

    def _take(self, frame: Frame) -> None:
        if self._socket is None:
            return
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._socket.text(bytes(frame.data))
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._assemble(self._socket, frame)
        elif frame.opcode is Opcode.CLOSE:
            self._socket.closing()
        else:
            self._socket.control()

    def _assemble(self, socket: Socket, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.close(CloseCode.UNSUPPORTED_DATA, "text frames only")
            return
        if frame.opcode is Opcode.TEXT:
            self._parts = []
        if self._parts is None:
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message, self._parts = b"".join(self._parts), None
            socket.text(message)

    def welcome(self) -> None:
        """The hello is over: from here on frames are small."""
        self._protocol.max_message_size = limits.FRAME_BYTES

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.transport.close()
