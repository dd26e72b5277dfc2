"""The data plane in user space: two transports, each writing what the other reads.

Back-pressure and half-close go through, a reset is passed on as a reset, and nothing happens per connection while it is idle.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from router.pool import Pool
from router.ring import NoGateway, parse_address
from shared.bus.registry import Gateway
from shared.proxy import encode

log = structlog.get_logger("ringpost.router")
_RESET = struct.pack("ii", 1, 0)
WAIT_S = 0.05
KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


@dataclass(frozen=True, slots=True)
class RelayPolicy:
    """What bounds a relayed connection."""

    connect_timeout_s: float
    max_connections: int
    buffer_bytes: int
    secret: str | None


class Side(asyncio.Protocol):
    """One end of a relayed connection."""

    __slots__ = ("_ended", "_high_water", "_is_lost", "other", "transport")

    transport: asyncio.Transport

    def __init__(self, high_water: int) -> None:
        self._high_water = high_water
        self._ended = self._is_lost = False
        self.other: Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass
        self.transport.set_write_buffer_limits(self._high_water)
        tune(self.transport)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        self._ended = True
        other = self.other
        if other is None:
            return True
        if other._is_lost:
            return False
        if other.transport.can_write_eof():
            other.transport.write_eof()
        return not other._ended

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        if self.other is None or self.other._is_lost:
            return
        if exc is None:
            self.other.transport.close()
        else:
            reset(self.other.transport)


class ClientSide(Side):
    """The client's end: what it says waits until a gateway has taken the connection, in the kernel but for one read."""

    __slots__ = ("_early", "_relay")

    def __init__(self, relay: "Relay") -> None:
        super().__init__(relay.policy.buffer_bytes)
        self._relay = relay
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._relay.take(self)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)
            return
        # uvloop begins to read after connection_made, whatever was paused there.
        self._early += data
        self.transport.pause_reading()

    def join(self, gate: Side, header: bytes) -> None:
        """A gateway took the connection: tell it *header*, and what has come already."""
        self.other, gate.other = gate, self
        gate.transport.write(header + self._early)
        self._early = b""
        if self._ended:
            gate.transport.write_eof()
        else:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._relay.forget(self)


class Relay:
    """One virtual service: connections come in, each goes to a gateway of the pool."""

    def __init__(self, pool: Pool, policy: RelayPolicy, start: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self.pool, self.policy = pool, policy
        self._start = start
        self._open: set[ClientSide] = set()
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def make_side(self) -> ClientSide:
        return ClientSide(self)

    def take(self, side: ClientSide) -> None:
        """Find a gateway for a new connection."""
        if len(self._open) >= self.policy.max_connections:
            self.counts["refused_full"] += 1
            reset(side.transport)
            return
        self._open.add(side)
        self.counts["accepted"] += 1
        self._start(self._connect(side))

    def forget(self, side: ClientSide) -> None:
        self._open.discard(side)

    def close_all(self) -> None:
        for side in tuple(self._open):
            side.transport.close()

    async def _connect(self, side: ClientSide) -> None:
        peer, local = side.transport.get_extra_info("peername"), side.transport.get_extra_info("sockname")
        if peer is None:
            side.transport.abort()
            return
        header = encode(peer[:2], local[:2], self.policy.secret)
        for gateway in await self._candidates(peer[0]):
            gate = await self._reach(gateway)
            if gate is None:
                self.counts["retried"] += 1
                continue
            if side._is_lost:
                gate.transport.close()
                return
            self.pool.opened(gateway.name)
            side.join(gate, header)
            return
        self.counts["refused_no_gateway"] += 1
        log.warning("no gateway takes a connection", pool=self.pool.name)
        reset(side.transport)

    async def _candidates(self, peer: str) -> list[Gateway]:
        """Return whom to try, after a short wait if nobody is known yet."""
        address = parse_address(peer)
        for _ in range(max(1, int(self.policy.connect_timeout_s / WAIT_S))):
            try:
                return list(self.pool.order(address))
            except NoGateway:
                await asyncio.sleep(WAIT_S)
        return []

    async def _reach(self, gateway: Gateway) -> Side | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.policy.connect_timeout_s):
                _, gate = await loop.create_connection(lambda: Side(self.policy.buffer_bytes), gateway.host, gateway.port)
        except (OSError, TimeoutError):
            return None
        return gate


def tune(transport: asyncio.Transport) -> None:
    """Send small frames at once, and find dead peers."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):  # macOS calls one of them otherwise
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def reset(transport: asyncio.Transport) -> None:
    """End a connection by a reset, as the other end of it was."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
