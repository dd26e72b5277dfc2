"""What a gateway's HTTP connections have in common: whom to believe, how many there may be, how long they may take."""

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from shared.proxy import Address, Header
from shared.web.patience import Timeouts

SOCKET_PATH = b"/v1/socket"


class Swept(Protocol):
    """A connection as the sweep sees it."""

    def sweep(self, now: float) -> None:
        """End it if it has taken too long."""


class HttpPolicy:
    """One gateway's policy, and the connections under it.

    *networks* and *secret* say whose PROXY headers are believed. *count_sockets* says how many connections have become
    WebSockets: these are no longer here, but count. One timer serves all connections, and none runs without one.
    """

    def __init__(
        self,
        networks: Sequence[IPv4Network | IPv6Network],
        secret: str | None,
        max_connections: int,
        *,
        timeouts: Timeouts | None = None,
        count_sockets: Callable[[], int] = lambda: 0,
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self._networks = tuple(networks)
        self._secret = secret
        self._max_connections = max_connections
        self._count_sockets = count_sockets
        self._open: set[Swept] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"HttpPolicy({self.connections} of {self._max_connections})"

    @property
    def connections(self) -> int:
        """How many connections are open, WebSockets included."""
        return len(self._open) + self._count_sockets()

    @property
    def is_exceeded(self) -> bool:
        return self.connections > self._max_connections

    def believes(self, peer: Address | None, header: Header) -> bool:
        """Say whether *header*, which came from *peer*, names the true client."""
        if self._secret is not None and header.proves(self._secret):
            return True
        if peer is None or not self._networks:
            return False
        ip = ip_address(peer[0])
        plain = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
        return any(plain in network for network in self._networks)

    def add(self, connection: Swept, loop: asyncio.AbstractEventLoop) -> None:
        self._open.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(self.timeouts.sweep_s, self._sweep, loop)

    def remove(self, connection: Swept) -> None:
        self._open.discard(connection)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._open):
            connection.sweep(now)
        self._timer = loop.call_later(self.timeouts.sweep_s, self._sweep, loop) if self._open else None
