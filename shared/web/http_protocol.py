"""HTTP as uvicorn speaks it, with what it leaves open closed: who the client is, how large a head, how long a wait.

A connection may begin with a PROXY v2 header, which is believed from the routers' networks or with the secret.
X-Forwarded-For is never looked at.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared import limits
from shared.errors import Overloaded, RingpostError
from shared.proxy import SIGNATURE, Header, ProxyError, parse
from shared.web.problems import BadRequest, HeadTooLarge, TimedOut, write_answer

log = structlog.get_logger("ringpost.http")
SWEEP_S = 1.0


@dataclass(slots=True, eq=False)
class HttpPolicy:
    """Whom to believe, and what bounds a connection; it also knows those that are open.

    *others* counts connections that are not HTTP any more (sockets) and share the bound.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    secret: str | None = None
    max_connections: int = 10_000
    head_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    others: Callable[[], int] = lambda: 0
    _open: set["HardenedProtocol"] = field(default_factory=set)

    @property
    def connections(self) -> int:
        return len(self._open) + self.others()

    def believes(self, peer: str, header: Header) -> bool:
        """Say whether a PROXY header from *peer* is a router's."""
        if self.secret is not None and header.proves(self.secret):
            return True
        address = ip_address(peer)
        return any(address in network for network in self.networks)

    async def run(self) -> None:
        """End what waits too long, once a second, until cancelled: one timer for all connections."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for protocol in tuple(self._open):
                protocol.sweep(now)


def make_http_protocol(policy: HttpPolicy) -> Any:
    """Return what uvicorn takes for `http=`."""
    return partial(HardenedProtocol, policy)


class HardenedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, policy: HttpPolicy, **given: Any) -> None:
        super().__init__(**given)
        self._policy = policy
        self._preface: bytes | None = b""
        self._heard_at = self._began_at = time.monotonic()
        self._is_in_head = False
        self._head_bytes = 0
        self._refusal: RingpostError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._policy._open.add(self)
        if self._policy.connections > self._policy.max_connections:
            self._refuse(Overloaded("This gateway holds as many connections as it may."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._policy._open.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        if self._preface is not None:
            rest = self._read_preface(self._preface + data)
            if rest is None:
                return
            data = rest
        if not data or self._refusal is not None:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._refusal is None and self._should_upgrade():
                self._hand_over(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refusal or BadRequest())
            return
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif self._is_in_head and self._head_bytes + len(data) > limits.HEADER_BYTES:
            self._refuse(HeadTooLarge())
        elif self._is_in_head:
            self._head_bytes += len(data)

    def _read_preface(self, data: bytes) -> bytes | None:
        """Return what follows the PROXY header, or all if there is none; None: more is needed, or the connection is over."""
        if data[: len(SIGNATURE)] != SIGNATURE[: len(data)]:
            self._preface = None
            return data
        self._preface = data
        try:
            header = parse(data)
        except ProxyError:
            self.transport.abort()
            return None
        if header is None:
            return None
        peer = self.client[0] if self.client else "0.0.0.0"  # noqa: S104  # nobody's address
        if not self._policy.believes(peer, header):
            log.warning("a PROXY header from a stranger; the connection is dropped", peer=peer)
            self.transport.abort()
            return None
        if header.client is not None:
            self.client = header.client
        self._preface = None
        return data[header.size :]

    # What the parser reports.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._began_at = time.monotonic()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._refusal = self._judge()
        if self._refusal is None:
            super().on_headers_complete()

    def _judge(self) -> RingpostError | None:
        names = [name for name, _ in self.headers]
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > limits.HEADER_BYTES:
            return HeadTooLarge()
        if names.count(b"host") != 1 and self.parser.get_http_version() != "1.0":
            return BadRequest("A request needs one Host.")
        if names.count(b"content-length") > 1 or (b"content-length" in names and b"transfer-encoding" in names):
            return BadRequest("A request has one length.")
        if not self.url.startswith((b"/", b"*", b"http://", b"https://")):
            return BadRequest("This is not a request for a path.")
        return None

    def on_body(self, body: bytes) -> None:
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refusal is None:
            super().on_message_complete()

    # Endings.

    def send_400_response(self, msg: str) -> None:
        self._refuse(BadRequest())

    def _refuse(self, error: RingpostError) -> None:
        """Answer *error* if nothing is being answered, and end the connection."""
        self._refusal = error
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(write_answer(error))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def sweep(self, now: float) -> None:
        """End the connection if a head or a body has been awaited for too long."""
        if self._is_in_head or self.cycle is None:
            is_late = now - self._began_at > self._policy.head_timeout_s
        else:
            is_waiting = self.cycle.more_body and not self.cycle.response_complete
            is_late = is_waiting and now - self._heard_at > self._policy.body_timeout_s
        if is_late:
            self._refuse(TimedOut())

    def _hand_over(self, extra: bytes) -> None:
        """Give the connection to the class for WebSockets, with what came in the handshake's segment after it."""
        self._policy._open.discard(self)
        self.connections.discard(self)
        lines = [self.scope["method"].encode() + b" " + self.url + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in self.headers]
        protocol: Any = self.ws_protocol_class(  # type: ignore[misc, call-arg]  # as uvicorn calls it
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        protocol.client = self.client
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(b"\r\n".join([*lines, b"", b""]) + extra)
