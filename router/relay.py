"""The data plane in user space, one virtual service of it: connections come in, each goes to a gateway of the pool."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import structlog

from router.connection import Connection
from router.ends import close
from router.hiding import Hiding
from router.places import Place, Places
from router.pool import Pool
from router.ring import Address, hash_key, parse_address
from router.room import Room
from router.sources import Sources
from shared.bus.client import is_cancelled

log = structlog.get_logger("ringpost.router")
COMPLAIN_S, SHORT_S, REAP_S = 1.0, 10.0, 0.5
COUNTED = (
    "accepted", "accept_pauses", "calls_failed", "idle_ended", "refused_full", "refused_header", "refused_no_gateway",
    "refused_source", "reset_dead", "retried",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RelayPolicy:
    """What bounds a relayed connection.

    *max_per_source*: connections of one address (an IPv6 /64) at once; 0: any number. *front*: who says in a PROXY header whose
    connection it is, and must. *sources*: the addresses that gateways are called from; none: what the kernel takes.
    """

    connect_timeout_s: float
    idle_timeout_s: float
    max_per_source: int
    buffer_bytes: int
    secret: str | None
    front: Sequence[IPv4Network | IPv6Network] = ()
    sources: Sequence[Address] = ()
    ways_out: Sequence[Address] = ()


class Relay:
    """One virtual service; *room* may be shared with others."""

    def __init__(self, pool: Pool, policy: RelayPolicy, room: Room) -> None:
        self.pool, self.policy, self._room = pool, policy, room
        self.sources = Sources(policy.sources)
        self.hiding = Hiding(policy.ways_out)
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self.places = Places(self._start)
        self.loop: asyncio.AbstractEventLoop
        self._tasks: asyncio.TaskGroup
        self._open: dict[Connection, bytes] = {}
        self._sources: Counter[bytes] = Counter()
        self._complained_at = self._missed_port_at = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    async def run(self) -> None:
        """Carry connections until cancelled; end those that are idle for the idle timeout, at the latest after twice that."""
        self.loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._reap())
            while not is_cancelled():
                await asyncio.sleep(self.policy.idle_timeout_s)
                self._sweep()

    def take(self, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        """Take a new connection from *peer*."""
        policy = self.policy
        if not self._room.take():
            self._refuse_full(sock)
            return
        connection = Connection(self, sock, (peer[0], peer[1]))
        self._open[connection] = b""
        self.counts["accepted"] += 1
        if policy.front and self._is_front(peer[0]):
            connection.await_header()
            return
        if self.hiding.see(peer[0]):
            log.warning(
                "clients' addresses are hidden: all connections come from this machine's way out, as docker's port proxy"
                " makes them; docs/docker.md, Addresses behind Docker, says what helps",
                pool=self.pool.name,
                address=peer[0],
            )
        if self.admits(connection, peer[0]):
            connection.find()

    def admits(self, connection: Connection, source: str) -> bool:
        """Count *connection* for *source*; one too many is ended."""
        if not self.policy.max_per_source:
            return True
        key = hash_key(parse_address(source))
        if self._sources[key] >= self.policy.max_per_source:
            self.counts["refused_source"] += 1
            connection.end(is_reset=True)
            return False
        self._sources[key] += 1
        self._open[connection] = key
        return True

    def forget(self, connection: Connection) -> None:
        self._room.leave()
        key = self._open.pop(connection)
        if key:
            self._sources[key] -= 1
            if not self._sources[key]:
                del self._sources[key]

    def miss_port(self, place: Place) -> None:
        """Hear that no port was left to call *place* from."""
        self.counts["calls_failed"] += 1
        self._missed_port_at = time.monotonic()
        if self.may_complain():
            log.warning("no port is left to call a gateway from", pool=self.pool.name, gateway=place.address)

    @property
    def is_short_of_ports(self) -> bool:
        return time.monotonic() - self._missed_port_at < SHORT_S

    def close_all(self) -> None:
        for connection in tuple(self._open):
            connection.end()

    def may_complain(self) -> bool:
        """Say whether to log what may happen thousands of times a second: it is told once a second."""
        now = time.monotonic()
        if now - self._complained_at < COMPLAIN_S:
            return False
        self._complained_at = now
        return True

    def _refuse_full(self, sock: socket.socket) -> None:
        self.counts["refused_full"] += 1
        if self.may_complain():
            log.warning("a process of the relay is full", pool=self.pool.name, connections=self._room.limit)
        close(sock, is_reset=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.create_task(work)

    def _is_front(self, peer: str) -> bool:
        address = parse_address(peer)
        return any(address in network for network in self.policy.front)

    async def _reap(self) -> None:
        """Reset the connections to those that have died, once nobody is sent there any more."""
        reaped = frozenset[str]()
        while not is_cancelled():
            await asyncio.sleep(REAP_S)
            dead = self.pool.dead - set(self.pool.table.names)
            for connection in tuple(self._open) if dead - reaped else ():
                if connection.gate is not None and connection.gateway is not None and connection.gateway.name in dead:
                    self.counts["reset_dead"] += 1
                    connection.end(is_reset=True)
            reaped = dead

    def _sweep(self) -> None:
        for connection in tuple(self._open):
            if not connection.is_stirred:
                self.counts["idle_ended"] += 1
                connection.end()
            connection.is_stirred = False
