"""What a router tells of itself to people and tools: one value, made from the pools. A pure core.

It is what the page draws and what `ringpost ring show` prints (`GET /status`, JSON).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from router.health import State
from router.pool import Change, Known, Pool
from router.table import Shape, Table

SLICES = 360


class GatewayStatus(msgspec.Struct, frozen=True):
    """A gateway as this router knows it. *share*: its part of all buckets; *bound*: from so many on it is full."""

    name: str
    address: str
    state: str
    since_s: float
    is_listed: bool
    is_full: bool
    held_s: float
    weight: int
    share: float
    connections: int
    own: int
    bound: int
    capacity: int


class ChangeStatus(msgspec.Struct, frozen=True):
    """A change of the table: which part of all buckets *moved*, and the *least* part that must."""

    ago_s: float
    joined: Sequence[str]
    left: Sequence[str]
    moved: float
    least: float


class RingStatus(msgspec.Struct, frozen=True):
    """The ring in slices, each the place in *names* of a bucket's gateway: *now*, and *before* the last change (-1: nobody)."""

    names: Sequence[str]
    now: Sequence[int]
    before: Sequence[int]


class PoolStatus(msgspec.Struct, frozen=True):
    """A pool. *changes*: the last ones, the latest first."""

    name: str
    signature: str
    is_frozen: bool
    epsilon: float
    gateways: Sequence[GatewayStatus]
    changes: Sequence[ChangeStatus]
    ring: RingStatus


class WorkerStatus(msgspec.Struct, frozen=True):
    """One more process of the relay, by pool: its table's *signatures*, its *connections*. No *pid*: it is not up."""

    pid: int | None
    signatures: Mapping[str, str]
    connections: Mapping[str, int]


class RouterStatus(msgspec.Struct, frozen=True):
    """One router. *shape* and a pool's weights and members are all that its table follows from."""

    name: str
    version: str
    plane: str
    up_s: float
    membership: str
    are_members_known: bool
    reasons: Sequence[str]
    shape: Shape
    pools: Sequence[PoolStatus]
    workers: Sequence[WorkerStatus] = ()


def figures(pool: Pool) -> Mapping[str, float]:
    """Return what is counted of *pool*, by the names that it has in `/metrics`."""
    own, states = f'pool="{pool.name}"', Counter(known.state for known in pool.known.values())
    return {
        f"router_gateways{{{own}}}": len(pool.table.names),
        f"router_listed{{{own}}}": sum(known.is_listed for known in pool.known.values()),
        f"router_frozen{{{own}}}": int(pool.is_frozen),
        # A float holds the first 52 bits, enough to see that two tables differ.
        f"router_table{{{own}}}": int(pool.table.signature[:13], 16),
        f"router_tables_total{{{own}}}": pool.adopted,
        f"router_moved_total{{{own}}}": pool.moved,
    } | {f'router_known{{{own},state="{state}"}}': states[state] for state in State}


def describe(pool: Pool, now: float) -> PoolStatus:
    """Return what is to be told of *pool*."""
    shares = pool.table.shares
    return PoolStatus(
        name=pool.name,
        signature=pool.table.signature,
        is_frozen=pool.is_frozen,
        epsilon=pool.epsilon,
        gateways=[_gateway(pool, known, shares.get(name, 0.0), now) for name, known in sorted(pool.known.items())],
        changes=[_change(change, now) for change in reversed(pool.changes)],
        ring=_ring(pool.table, pool.previous),
    )


def _gateway(pool: Pool, known: Known, share: float, now: float) -> GatewayStatus:
    gateway, health = known.gateway, known.health
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    return GatewayStatus(
        name=gateway.name,
        address=f"{host}:{gateway.port}",
        state=known.state,
        since_s=round(now - health.since, 1) if health is not None else 0.0,
        is_listed=known.is_listed,
        is_full=bool(share) and pool.is_full(gateway.name),
        held_s=round(max(health.held_until - now, 0.0), 1) if health is not None else 0.0,
        weight=gateway.weight,
        share=share,
        connections=known.load,
        own=known.open + known.beside.open,
        bound=int(pool.bound(gateway.name)),
        capacity=gateway.capacity,
    )


def _change(change: Change, now: float) -> ChangeStatus:
    return ChangeStatus(round(now - change.at, 1), change.joined, change.left, change.moved, change.least)


def _ring(table: Table, previous: Table) -> RingStatus:
    names = sorted({*table.names, *previous.names})
    places = {name: place for place, name in enumerate(names)}
    return RingStatus(names, *([places[name] for name in _slices(t)] if t.owners else [-1] * SLICES for t in (table, previous)))


def _slices(table: Table) -> list[str]:
    return [table.owners[n * table.shape.buckets // SLICES] for n in range(SLICES)]
