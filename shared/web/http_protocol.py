"""HTTP/1.1 for hostile peers: uvicorn's protocol with deadlines, bounds, PROXY v2, and refusals as problem documents.

A refusal is written whole, then the connection is half-closed and read dry for a moment, so that the peer can read it.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from shared import limits, proxy
from shared.errors import NotFound, Overloaded, RingpostError
from shared.web.http_policy import SOCKET_PATH, HttpPolicy
from shared.web.patience import Patience, Phase
from shared.web.problems import BadRequest, HeadTooLarge, TimedOut, write_answer
from shared.web.request_head import check_head, check_upgrade

__all__ = ["HttpPolicy", "Outlet", "make_http_protocol"]

FRAMING_BYTES = 64 * 1024
DISCARD_BYTES = 64 * 1024 * 1024
_PROXY_V1 = b"PROXY "


def make_http_protocol(policy: HttpPolicy) -> type[HttpToolsProtocol]:
    """Return the class for uvicorn's `http=`; its connections are under *policy*.

    Switch off uvicorn's `proxy_headers` with it: who the client is comes from the connection or from PROXY v2 alone.
    """

    class BoundProtocol(_HttpProtocol):
        _policy = policy

    return BoundProtocol


class Outlet(asyncio.Transport):
    """What an answer is written to: the connection's transport, but for how it is closed.

    A route finds it as `request.state.outlet`, to write an answer that does not end.
    """

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None], drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._transport = transport
        self.write = transport.write  # type: ignore[method-assign]  # called for each answer: no detour
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]
        self.close = close  # type: ignore[method-assign]
        self.drain = drain

    def cut_after(self, silence_s: float) -> None:
        """Have the system cut the connection when its peer has acknowledged nothing for so long (RFC 5482; Linux)."""
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is not None:
            self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, int(silence_s * 1000))


class _HttpProtocol(HttpToolsProtocol):
    _policy: HttpPolicy
    _patience: Patience
    _outlet: Outlet

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._preface: bytes | None = b""  # what came before it is known whether a PROXY header begins the connection
        self._is_deaf = False  # what still comes is thrown away
        self._refusal: RingpostError | None = None  # why a callback of the parser broke it off
        self._answering: RequestResponseCycle | None = None
        self._begun = 0  # requests, ever
        self._head_bytes = 0
        self._framing_bytes = 0  # of chunk sizes and trailers since the last byte of a body
        self._discarded_bytes = 0
        self._choked_at: float | None = None
        self._is_last = False  # the connection ends with the body that is being read

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._patience = Patience(self._policy.timeouts, self.loop.time())
        self._outlet = Outlet(transport, self._close_when_read, self.flow.drain)
        self._policy.add(self, self.loop)
        if self._policy.is_exceeded:
            self._refuse(Overloaded("This gateway has as many connections as it takes."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._policy.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_deaf and self._preface is not None:
            data = self._read_preface(self._preface + data)
        if self._is_deaf or not data:
            return
        is_first = self._patience.phase in (Phase.SILENT, Phase.IDLE)
        if is_first:
            self._patience.begin(self.loop.time())
        self._framing_bytes += len(data)
        begun, size = self._begun + is_first, len(data)
        while data and not self._is_deaf:
            data = self._feed(data)
        if not self._is_deaf:
            self._bound_unfinished(size if self._begun == begun else 0)

    def _feed(self, data: bytes) -> bytes:
        """Parse *data*; return what must be parsed next, which is nothing but after a request that offered an upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if not self._should_upgrade():
                return self._decline_upgrade() + rest
            self._hand_over(rest)
        except httptools.HttpParserError:
            self._refuse(self._refusal or BadRequest())
        return b""

    def _bound_unfinished(self, size: int) -> None:
        """Refuse what the parser gathers without end: a head, or a body's framing. *size* bytes came to an open head."""
        if self._patience.phase is Phase.HEAD:
            self._head_bytes += size
            if self._head_bytes > limits.HEADER_BYTES:
                self._refuse(HeadTooLarge())
        elif self._patience.phase is Phase.BODY and self._framing_bytes > FRAMING_BYTES:
            self._refuse(BadRequest())

    def _read_preface(self, data: bytes) -> bytes:
        """Take a PROXY header off the connection's first bytes and return the rest; nothing while it may be one."""
        self._preface = data
        if _PROXY_V1.startswith(data[: len(_PROXY_V1)]) or proxy.SIGNATURE.startswith(data[: len(proxy.SIGNATURE)]):
            return self._read_proxy(data)
        self._preface = None
        return data

    def _read_proxy(self, data: bytes) -> bytes:
        try:
            header = proxy.parse(data) if data[:1] == proxy.SIGNATURE[:1] else None
        except proxy.ProxyError:
            return self._drop()
        if header is None:
            return self._drop() if data.startswith(_PROXY_V1) else b""
        if not self._policy.believes(self.client, header):
            return self._drop()
        self.client = header.client or self.client
        self._preface = None
        return data[header.size :]

    def _drop(self) -> bytes:
        self._is_deaf = True
        self.transport.abort()
        return b""

    # The parser's callbacks. What they raise ends `feed_data` with an HttpParserError.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun += 1
        self._head_bytes = self._discarded_bytes = 0
        self._patience.begin(self.loop.time())

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._patience.phase is Phase.HEAD:  # else a trailer, which must not add to the headers
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self._refusal = check_head(method, self.url, version, self.headers)
        if self._refusal is None and self.parser.should_upgrade() and self._should_upgrade():
            self._refusal = self._check_upgrade(method, version)
        if self._refusal is not None or self._is_deaf:
            raise ValueError(self._refusal)
        self._patience.take_head(self.loop.time())
        self._framing_bytes = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self.cycle.transport = self._outlet
            self.scope["state"]["outlet"] = self._outlet

    def _check_upgrade(self, method: bytes, version: str) -> RingpostError | None:
        if self._answering is not None:
            return BadRequest("An upgrade can't be pipelined.")
        return check_upgrade(method, self.url, version, self.headers, SOCKET_PATH)

    def on_body(self, body: bytes) -> None:
        if self.parser.should_upgrade():
            return
        self._patience.take_body(len(body), self.loop.time())
        self._framing_bytes = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > DISCARD_BYTES:
                raise ValueError("an answered request's body has no end")

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        if self._is_last:
            self._hang_up()
        elif self._answering is None:
            self._patience.rest(self.loop.time())
        else:
            self._patience.work()

    # Answers.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Start the next request of the pipeline, or rest. uvicorn's own sets a timer here; the sweep is ours."""
        self.server_state.total_requests += 1
        self._answering = None
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._patience.phase is Phase.WORKING:
            self._patience.rest(self.loop.time())

    def _refuse(self, error: RingpostError) -> None:
        """Answer *error* and close, but never into the middle of another answer, nor after the request's own."""
        if self._is_deaf or self.transport.is_closing():
            return
        self._is_deaf = True
        is_in_body = self._patience.phase is Phase.BODY
        if self._answering is not None and not (is_in_body and self._answering is self.cycle):
            self._close_after(self._answering)
        elif is_in_body and self.cycle.response_started:
            self._hang_up()
        else:
            if self._answering is not None:
                self._answering.disconnected = True
                self._answering.message_event.set()
            self.transport.write(write_answer(error))
            self._linger()

    def _close_after(self, cycle: RequestResponseCycle) -> None:
        self.pipeline.clear()
        cycle.keep_alive = False
        self._patience.work()

    def _close_when_read(self) -> None:
        """The last answer is written: close, once what the peer still sends is read, or a reset could take the answer."""
        self.pipeline.clear()
        if self._patience.phase is not Phase.BODY or self.transport.is_closing():
            self.transport.close()
        elif not self._is_last:
            self._is_last = True
            self.transport.write_eof()

    def _linger(self) -> None:
        self.flow.resume_reading()
        self._patience.close(self.loop.time(), self._policy.timeouts.linger_s)
        self.transport.write_eof()

    def _hang_up(self) -> None:
        self._is_deaf = True
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    # Upgrades.

    def _decline_upgrade(self) -> bytes:
        """Begin anew with the same request as if it asked for no upgrade (RFC 9110 7.8); return its head.

        The parser takes what follows an offer of an upgrade for another protocol, a body too. Java's client offers
        HTTP/2 with each request.
        """
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(word for word in value.split(b",") if word.strip().lower() != b"upgrade")
            if name != b"upgrade":
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*lines, b"", b""])

    def _should_upgrade(self) -> bool:
        return self._get_upgrade() == b"websocket"

    def _hand_over(self, rest: bytes) -> None:
        """Like uvicorn's `handle_websocket_upgrade`, with the client's true address and the bytes that came with the head."""
        if self.ws_protocol_class is None:
            self._refuse(NotFound("There is no such path."))
            return
        self._is_deaf = True
        self.connections.discard(self)
        self._policy.remove(self)
        head = [b"GET ", self.url, b" HTTP/1.1\r\n", *(b"%b: %b\r\n" % header for header in self.headers), b"\r\n", rest]
        protocol: Any = self.ws_protocol_class(config=self.config, server_state=self.server_state, app_state=self.app_state)  # type: ignore[call-arg]  # uvicorn calls it so
        protocol.client = self.client
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(b"".join(head))

    # Time.

    def pause_writing(self) -> None:
        self._choked_at = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._choked_at = None
        super().resume_writing()

    def sweep(self, now: float) -> None:
        """End the connection if its peer has kept it waiting for too long."""
        unread_s = self._policy.timeouts.unread_s
        if self.transport.is_closing():
            self._patience.close(now, unread_s)
        if self._choked_at is not None and now > self._choked_at + unread_s:
            self.transport.abort()
        elif self.flow.read_paused and self._patience.phase is not Phase.CLOSING:
            self._patience.excuse(now)
        elif self._patience.is_over(now):
            self._give_up()

    def _give_up(self) -> None:
        if self._patience.phase is Phase.CLOSING or self._preface:
            self.transport.abort()
        elif self._patience.phase in (Phase.HEAD, Phase.BODY):
            self._refuse(TimedOut())
        else:
            self._hang_up()
