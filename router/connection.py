"""One relayed connection: what comes in at one end of a connection is written to the other, out of one buffer for all.

Nothing is read for a peer that does not take it (back-pressure), a half-close goes through, a reset is passed on as a reset. An
idle connection costs two sockets and no task, timer or buffer.
"""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from router.places import Place
from router.ring import NoGateway, parse_address
from shared.bus.registry import Gateway
from shared.proxy import HEADER_BYTES, SIGNATURE, Header, ProxyError, encode, parse

if TYPE_CHECKING:
    from router.relay import Relay

log = structlog.get_logger("ringpost.router")
Endpoint = tuple[str, int]
_RESET = struct.pack("ii", 1, 0)
WAIT_S, BUFFER = 0.05, 256 << 10
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


class Connection:
    """A client's connection: first it is told whose it is, then a gateway is sought, then bytes are carried."""

    __slots__ = (
        "_attempt",
        "_candidates",
        "_deadline",
        "_head",
        "_source",
        "_waits",
        "client",
        "gate",
        "gateway",
        "is_over",
        "is_stirred",
        "loop",
        "most_bytes",
        "relay",
    )

    def __init__(self, relay: "Relay", sock: socket.socket, source: Endpoint) -> None:
        self.relay, self.loop, self._source = relay, relay.loop, source
        self.most_bytes = min(relay.policy.buffer_bytes, BUFFER)
        self.is_stirred, self.is_over = True, False
        self.client = End(self, sock)
        self.gate: End | None = None
        self.gateway: Gateway | None = None
        self._attempt: socket.socket | None = None
        self._candidates: Iterator[Gateway] = iter(())
        self._deadline: asyncio.TimerHandle | None = None
        self._head = b""
        self._waits = int(relay.policy.connect_timeout_s / WAIT_S)

    # Whose it is.

    def await_header(self) -> None:
        """It comes from the front, which says whose it is, and has as long for that as a gateway for taking it."""
        self._set_deadline(self._refuse_header)
        self.loop.add_reader(self.client.sock, self._read_header)

    def _read_header(self) -> None:
        """Read exactly the header: what comes after it is not for us."""
        try:
            header = self._more_of_header()
        except (OSError, ProxyError):
            self._refuse_header()
            return
        if header is not None:
            self.loop.remove_reader(self.client.sock)
            self._clear_deadline()
            self._source = header.client or self._source
            if self.relay.admits(self, self._source[0]):
                self.find()

    def _more_of_header(self) -> Header | None:
        size = HEADER_BYTES if len(self._head) < HEADER_BYTES else HEADER_BYTES + int.from_bytes(self._head[14:16], "big")
        try:
            part = self.client.sock.recv(size - len(self._head))
        except BlockingIOError:
            return None
        if not part:
            raise ProxyError("it ended")
        self._head += part
        return parse(self._head)

    def _refuse_header(self) -> None:
        self.relay.counts["refused_header"] += 1
        self.end(is_reset=True)

    # Who takes it.

    def find(self) -> None:
        """Seek a gateway; where nobody is known yet, for a while."""
        if self.is_over:
            return
        try:
            self._candidates = self.relay.pool.order(parse_address(self._source[0]))
        except NoGateway:
            self._waits -= 1
            if self._waits > 0:
                self.loop.call_later(WAIT_S, self.find)
            else:
                self._refuse()
            return
        self._try_next()

    def _try_next(self) -> None:
        self.gateway = next(self._candidates, None)
        if self.gateway is None:
            self._refuse()
            return
        place = self.relay.places.find(self.gateway.host, self.gateway.port)
        if place is None:
            self.relay.places.learn(self.gateway.host, self.gateway.port, self._connect)
        else:
            self._connect(place)

    def _connect(self, place: Place | None) -> None:
        """Call a gateway at *place*; None: it has no address."""
        if self.is_over:
            return
        if place is None:
            self._failed()
            return
        try:
            self._attempt = sock = socket.socket(place.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            log.warning("no gateway can be called now", pool=self.relay.pool.name, error=str(error))
            self.relay.counts["calls_failed"] += 1
            self._refuse()
            return
        code = sock.connect_ex(place.address)
        self.relay.counts["calls_failed"] += code == errno.EADDRNOTAVAIL  # all ports to there are taken
        if code == 0:
            self._join()
        elif code == errno.EINPROGRESS:
            self.loop.add_writer(sock, self._called)
            self._set_deadline(self._failed)
        else:
            self._failed()

    def _called(self) -> None:
        assert self._attempt is not None
        self.loop.remove_writer(self._attempt)
        self._clear_deadline()
        if self._attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._failed()
        else:
            self._join()

    def _failed(self) -> None:
        """The next on the ring takes what this one does not."""
        self._drop_attempt()
        self.relay.counts["retried"] += 1
        self._try_next()

    def _join(self) -> None:
        """A gateway took it: tell that whose it is, and carry bytes from now on."""
        assert self._attempt is not None
        assert self.gateway is not None
        client, sock = self.client, self._attempt
        self._attempt = None
        self.gate = gate = End(self, sock)
        client.other, gate.other = gate, client
        self.relay.pool.opened(self.gateway.name)
        try:
            tune(sock)
            if self.relay.policy.secret is not None:
                sock.send(encode(self._source, client.sock.getsockname()[:2], self.relay.policy.secret))
        except OSError:
            self.end(is_reset=True)
            return
        self.loop.add_reader(sock, gate.read)
        self.loop.add_reader(client.sock, self._read_first)

    def _read_first(self) -> None:
        """Drop who speaks of whose connection it is, and is not the front."""
        try:
            begin = self.client.sock.recv(len(SIGNATURE), socket.MSG_PEEK)
        except OSError:
            begin = b""
        if begin == SIGNATURE:
            self._refuse_header()
            return
        self.loop.add_reader(self.client.sock, self.client.read)
        self.client.read()

    def _refuse(self) -> None:
        self.relay.counts["refused_no_gateway"] += 1
        if self.relay.may_complain():
            log.warning("no gateway takes a connection", pool=self.relay.pool.name)
        self.end(is_reset=True)

    # Its end.

    def end(self, *, is_reset: bool = False) -> None:
        """End it at both ends: by a reset, if that is how it ended at one."""
        if self.is_over:
            return
        self.is_over = True
        self._clear_deadline()
        self._drop_attempt()
        for end in (self.client, self.gate):
            if end is not None:
                self.loop.remove_reader(end.sock)
                self.loop.remove_writer(end.sock)
                close(end.sock, is_reset=is_reset)
        if self.gate is not None and self.gateway is not None:
            self.relay.pool.closed(self.gateway.name)
        self.relay.forget(self)

    def _drop_attempt(self) -> None:
        if self._attempt is not None:
            self.loop.remove_writer(self._attempt)
            self._attempt.close()
            self._attempt = None
        self._clear_deadline()

    def _set_deadline(self, late: Callable[[], None]) -> None:
        self._deadline = self.loop.call_later(self.relay.policy.connect_timeout_s, late)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


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
