"""Which gateways take new connections, and which one takes this one. A pure core: time is an argument.

A gateway leaves the table when it says so, or when the registry no longer has it and its probe is not answered either. When
most of a pool is lost at once the table stays: somebody must answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from router.ring import Address, NoGateway
from router.table import Shape, Table, make_table
from shared.bus.registry import Gateway, GatewayState

BOUND_FROM = 64
LOSS_WINDOW_S = 10.0


@dataclass(slots=True)
class Known:
    """A gateway, and what was sent there since it last said how loaded it is."""

    gateway: Gateway
    is_listed: bool = True
    sent: int = 0

    @property
    def load(self) -> int:
        return self.gateway.connections + self.sent


@dataclass(slots=True)
class Pool:
    """One pool. *epsilon*: how far above the mean a gateway may be loaded (consistent hashing with bounded loads)."""

    name: str
    epsilon: float
    known: dict[str, Known] = field(default_factory=dict)
    table: Table = field(default_factory=lambda: make_table({}, Shape()))
    is_frozen: bool = False
    _sizes: list[tuple[float, int]] = field(default_factory=list)

    def learn(self, listed: Iterable[Gateway], now: float) -> list[Gateway]:
        """Take what the registry says; return the gateways that it no longer has, to be probed."""
        found = {gateway.name: gateway for gateway in listed}
        for name, gateway in found.items():
            self.known[name] = Known(gateway)
        for name, known in self.known.items():
            known.is_listed = name in found
        self._rebuild(now)
        return [known.gateway for known in self.known.values() if not known.is_listed]

    def gone(self, name: str, now: float) -> None:
        """The gateway is not in the registry, and its probe was not answered."""
        known = self.known.get(name)
        if known is not None and not known.is_listed:
            del self.known[name]
            self._rebuild(now)

    def order(self, address: Address) -> list[Gateway]:
        """Return whom to try for a new connection from *address*, in order; who is full comes last.

        Raises:
            NoGateway: none is known.
        """
        successors = [self.known[name] for name in self.table.successors(self.table.bucket(address)) if name in self.known]
        if not successors:
            raise NoGateway
        limit = self._limit(successors)
        return [known.gateway for known in sorted(successors, key=lambda known: self._is_full(known, limit))]

    def opened(self, name: str) -> None:
        """A connection was made there."""
        if name in self.known:
            self.known[name].sent += 1

    def _limit(self, candidates: list[Known]) -> float:
        mean = (sum(known.load for known in candidates) + 1) / len(candidates)
        return max(BOUND_FROM, mean * (1 + self.epsilon))

    @staticmethod
    def _is_full(known: Known, limit: float) -> bool:
        return known.load >= min(limit, known.gateway.capacity)

    def _rebuild(self, now: float) -> None:
        ready = {name for name, known in self.known.items() if known.gateway.state is GatewayState.READY}
        self._sizes = [(at, size) for at, size in self._sizes if now - at < LOSS_WINDOW_S]
        before = max((size for _, size in self._sizes), default=0)
        self.is_frozen = bool(before) and len(ready) * 2 < before and bool(set(self.table.names) & self.known.keys())
        names = set(self.table.names) & self.known.keys() if self.is_frozen else ready
        self._sizes.append((now, len(ready)))
        if not ready and not self.is_frozen:
            names = set(self.table.names) & self.known.keys()
        if names != set(self.table.names):
            self.table = make_table(dict.fromkeys(names, 1), self.table.shape)
