"""One relayed connection until bytes are carried (`router/ends.py`): whose it is, and which gateway takes it.

An idle connection costs two sockets and no task, timer or buffer.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from router.ends import BUFFER, End, close, tune
from router.places import Place
from router.ring import NoGateway, parse_address
from shared.bus.registry import Gateway
from shared.proxy import HEADER_BYTES, SIGNATURE, Header, ProxyError, encode, parse

if TYPE_CHECKING:
    from router.relay import Relay

log = structlog.get_logger("ringpost.router")
Endpoint = tuple[str, int]
WAIT_S = 0.05


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
            self._source, self._head = header.client or self._source, b""
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
        self.relay.pool.opened(self.gateway.name)  # from the call on, or a burst would overfill it
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
        code = self.relay.sources.call(sock, place)
        if code == 0:
            self._join()
        elif code == errno.EINPROGRESS:
            self.loop.add_writer(sock, self._called)
            self._set_deadline(self._refused)
        elif code == errno.EADDRNOTAVAIL:
            self.relay.miss_port(place)
            self._failed()
        else:
            self._refused()

    def _called(self) -> None:
        assert self._attempt is not None
        self.loop.remove_writer(self._attempt)
        self._clear_deadline()
        if self._attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._refused()
        else:
            self._join()

    def _refused(self) -> None:
        """It does not take this one, nor the next ones, until a look finds it well."""
        assert self.gateway is not None
        self.relay.pool.refused(self.gateway.name)
        self._failed()

    def _failed(self) -> None:
        """The next on the ring takes what this one does not."""
        assert self.gateway is not None
        self._drop_attempt()
        self.relay.pool.closed(self.gateway.name)
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
        """Drop who says, be it piece by piece, whose connection it is, and is not the front."""
        assert self.gate is not None
        client = self.client
        try:
            begin = client.sock.recv(len(SIGNATURE) - len(self._head), socket.MSG_PEEK)
        except OSError:
            begin = b""
        if begin and SIGNATURE.startswith(self._head + begin):
            self._head += client.sock.recv(len(begin))
            if self._head == SIGNATURE:
                self._refuse_header()
            return
        self.loop.add_reader(client.sock, client.read)
        if self._head:
            self.gate.write(memoryview(self._head))
        else:
            client.read()

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
        if self.gateway is not None:
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
