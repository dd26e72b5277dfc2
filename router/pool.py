"""Which gateways take new connections, and which one takes this one. A pure core: time is an argument.

Members are listed (by the registry, by DNS, by a setting) and looked at (by probes). Who is not listed any more stays as long
as its probe answers; what a look finds counts as `router/health.py` says; when most of a pool is lost at once the table stays.
The table follows from the pool alone; how loaded the gateways are only makes a full one's new connections go to the next.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from router.health import Health, HealthPolicy, State
from router.losses import Losses
from router.ring import Address, NoGateway
from router.table import Shape, Table, make_table
from shared.bus.registry import Gateway, GatewayState

BOUND_FROM = 64
FORGET_S = 60.0
CHANGES = 20


class Share(NamedTuple):
    """A process's connections to a gateway: all, and how many more they are than when that said how many it has."""

    open: int = 0
    since_heard: int = 0


NONE = Share()


@dataclass(slots=True)
class Known:
    """A gateway: what it said of itself, what we believe of it, and our connections there, now and when it said that.

    *beside*: what the other processes of this router have there. *is_refusing*: it took no connection since the last look.
    """

    gateway: Gateway
    is_listed: bool = True
    health: Health | None = None
    open: int = 0
    open_when_heard: int = 0
    beside: Share = NONE
    is_refusing: bool = False

    @property
    def load(self) -> int:
        """How many connections it has: as many as it said, and those that we have opened and closed since."""
        return max(self.gateway.connections + self.open - self.open_when_heard + self.beside.since_heard, 0)

    @property
    def share(self) -> Share:
        return Share(self.open, self.open - self.open_when_heard)

    @property
    def state(self) -> State:
        return self.health.state if self.health is not None else State.DOWN

    @property
    def looked(self) -> State:
        return self.health.looked if self.health is not None else State.DOWN

    @property
    def address(self) -> tuple[str, int]:
        return self.gateway.host, self.gateway.port


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a table: *moved* is the part of all buckets that went elsewhere, *least* what any table would move."""

    at: float
    joined: tuple[str, ...]
    left: tuple[str, ...]
    moved: float
    least: float


@dataclass(slots=True)
class Pool:
    """One pool. *epsilon*: how far above the mean a gateway may be loaded (consistent hashing with bounded loads).

    *adopted* counts the tables, *moved* adds up which part of all buckets each of them moved.
    """

    name: str
    epsilon: float
    shape: Shape = field(default_factory=Shape)
    policy: HealthPolicy = field(default_factory=HealthPolicy)
    known: dict[str, Known] = field(default_factory=dict)
    table: Table = field(init=False)
    previous: Table = field(init=False)
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=CHANGES))
    adopted: int = 0
    moved: float = 0.0
    _losses: Losses = field(default_factory=Losses)

    def __post_init__(self) -> None:
        self.table = self.previous = make_table({}, self.shape)

    # What is learned.

    def learn(self, listed: Iterable[Gateway], now: float) -> bool:
        """Take the list of members; say whether there is anybody new to look at."""
        found = {gateway.name: gateway for gateway in listed}
        news = [self._hear(gateway, now) for gateway in found.values()]
        places = {(gateway.host, gateway.port) for gateway in found.values()}
        for name, known in list(self.known.items()):
            known.is_listed = name in found
            if not known.is_listed and known.address in places:
                del self.known[name]  # its place is another's now, who would answer in its name
        return any(news)

    def look(self, found: Mapping[str, State], now: float) -> None:
        """Take what one look at each gateway found."""
        for name, state in found.items():
            known = self.known.get(name)
            if known is not None:
                self._look(known, state, now)
                known.is_refusing = known.is_refusing and state is not State.ACTIVE
                if self._is_over(known, now):
                    del self.known[name]

    def wanted(self, now: float) -> Mapping[str, int]:
        """Return the weights of those whom the table should have now."""
        active = {name for name, known in self.known.items() if known.state is State.ACTIVE}
        draining = {name for name, known in self.known.items() if known.state is State.DRAINING}
        gone = set(self.table.names) - self.known.keys()
        names = self._kept(active, draining) if self._losses.judge(active, draining | gone, now) else active
        return {name: self.known[name].gateway.weight for name in names}

    def adopt(self, table: Table, now: float) -> None:
        """Serve by *table* from now on."""
        before, self.previous, self.table = self.table, self.table, table
        joined, left = set(table.names) - set(before.names), set(before.names) - set(table.names)
        moved = len(before.difference(table)) / self.shape.buckets
        self.adopted += 1
        self.moved += moved
        self.changes.append(Change(now, tuple(sorted(joined)), tuple(sorted(left)), moved, _least(before, table)))

    # What is asked.

    @property
    def is_frozen(self) -> bool:
        """Whether most of the pool is lost, and the table kept."""
        return self._losses.is_frozen and bool(self.table.names)

    @property
    def dead(self) -> frozenset[str]:
        """Those that are down while others answer: flows to them may be reset."""
        down = frozenset(name for name, known in self.known.items() if known.state is State.DOWN)
        return frozenset() if self.is_frozen or len(down) == len(self.known) else down

    def order(self, address: Address) -> Iterator[Gateway]:
        """Return whom to try for a new connection from *address*, in order.

        First those of the table by the ring, who is full after all others; then who answers though the table does not have it;
        then who refused since it was looked at.

        Raises:
            NoGateway: the table is empty.
        """
        return self.order_of(self.table.bucket(address))

    def order_of(self, bucket: int) -> Iterator[Gateway]:
        """Like `order`, for any address of *bucket*."""
        if not self.table.names:
            raise NoGateway
        return self._order(bucket)

    def bound(self, name: str) -> float:
        """Return how many connections the gateway *name* of the table may have before new ones go to the next."""
        weights = self.table.ring.weights
        known = self.known.get(name)
        if known is None or name not in weights:
            return 0.0
        total = 1 + sum(self.known[other].load for other in weights if other in self.known)
        fair = total * weights[name] / sum(weights.values())
        return min(max(BOUND_FROM, fair * (1 + self.epsilon)), known.gateway.capacity)

    def is_full(self, name: str) -> bool:
        return name not in self.known or self.known[name].load >= self.bound(name)

    def opened(self, name: str) -> None:
        """A connection was made there."""
        if name in self.known:
            self.known[name].open += 1

    def closed(self, name: str) -> None:
        """A connection there has ended."""
        if name in self.known:
            self.known[name].open -= 1

    def refused(self, name: str) -> None:
        """It took no connection: until a look finds that it is well all others are tried before it."""
        if name in self.known:
            self.known[name].is_refusing = True

    def add_up(self, beside: Mapping[str, Share]) -> None:
        """Take what the other processes of this router have at each gateway."""
        for name, known in self.known.items():
            known.beside = beside.get(name, NONE)

    # How.

    def _hear(self, gateway: Gateway, now: float) -> bool:
        known = self.known.get(gateway.name)
        if known is None:
            self.known[gateway.name] = Known(gateway)
            return True
        if known.gateway != gateway:
            known.gateway, known.open_when_heard = gateway, known.open
        if gateway.state is GatewayState.DRAINING and known.health is not None:
            known.health.look(State.DRAINING, now)
        return known.health is None

    def _look(self, known: Known, state: State, now: float) -> None:
        if known.is_listed and known.gateway.state is GatewayState.DRAINING:
            state = State.DRAINING
        if known.health is None:
            known.health = Health(self.policy, state, now)
        known.health.look(state, now)

    def _is_over(self, known: Known, now: float) -> bool:
        """Say whether to forget it: it is not listed, serves nobody, and left by its word or long ago."""
        if known.is_listed or known.health is None or known.gateway.name in self.table.names:
            return False
        has_left = known.state is State.DRAINING and known.looked is State.DOWN
        is_old = known.state is not State.ACTIVE and now - known.health.since >= FORGET_S
        return has_left or is_old

    def _kept(self, active: set[str], draining: set[str]) -> set[str]:
        """Return whom to keep when most are lost: who was there and has not left, if any of them answers, else who does.

        Those who are lost one by one left before the last was: when none is active any more, they share the 503s with it.
        """
        here = set(self.table.names) & self.known.keys()
        kept = here - draining or here
        if not active:
            kept |= {name for name in self._losses.lost_from & self.known.keys() if self.known[name].state is State.NOT_READY}
        if any(self.known[name].state is not State.DOWN for name in kept):
            return kept
        return self._answering(State.ACTIVE) or kept or self._answering(State.NOT_READY)

    def _answering(self, state: State) -> set[str]:
        return {name for name, known in self.known.items() if known.looked is state}

    def _order(self, bucket: int) -> Iterator[Gateway]:
        full, refusing = list[Gateway](), list[Gateway]()
        for name in self.table.successors(bucket):
            if name not in self.known:
                continue
            known = self.known[name]
            if known.is_refusing:
                refusing.append(known.gateway)
            elif self.is_full(name):
                full.append(known.gateway)
            else:
                yield known.gateway
        yield from full
        for name in sorted(self._answering(State.ACTIVE) - set(self.table.names)):
            yield self.known[name].gateway
        yield from refusing


def _least(before: Table, after: Table) -> float:
    """Return what part must move: what the one has more than before, or the other lost, whichever is more."""
    old, new = (_fair(table.ring.weights) for table in (before, after))
    return sum(max(0.0, new[name] - old.get(name, 0.0)) for name in new) if new else 0.0


def _fair(weights: Mapping[str, int]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
