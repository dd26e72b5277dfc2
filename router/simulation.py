"""What a pool would do: who serves whom, and what moves when gateways go and come. A pure core.

It is the routers' own table, and rivals beside it: bounded loads (a full gateway's new connections go to the next) and plain
modulo (the hash's remainder by the number of gateways). Every client has one connection.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from router.jhash import jhash, scale
from router.pool import BOUND_FROM
from router.ring import Address, hash_key
from router.table import Shape, Table, make_table


class Plan(msgspec.Struct, frozen=True):
    """What to simulate: so many *gateways*, of which *remove* go, and then *add* new ones come."""

    gateways: int
    remove: int
    add: int
    epsilon: float


class Move(msgspec.Struct, frozen=True):
    """What one change moves: of the table's buckets, and of the clients if all came anew; *least*: what must."""

    change: str
    least: float
    buckets: float
    ring: float
    bounded: float
    modulo: float


class Found(msgspec.Struct, frozen=True):
    """What was found. *busiest*: the busiest gateway's load by the mean, for the buckets and for the clients each way."""

    clients: int
    addresses: int
    busiest: Mapping[str, float]
    diverted: float
    moves: Sequence[Move]


class _Stage:
    """One pool, and whom each client is served by, three ways."""

    def __init__(self, names: Sequence[str], hashes: Sequence[int], epsilon: float, shape: Shape) -> None:
        self.names = sorted(names)
        self.table = make_table(dict.fromkeys(names, 1), shape)
        buckets = [scale(hashed, shape.buckets) for hashed in hashes]
        self.ring = [self.table.owners[bucket] for bucket in buckets]
        self.bounded = _bound(self.table, buckets, epsilon)
        self.modulo = [self.names[hashed % len(names)] for hashed in hashes]


def simulate(plan: Plan, clients: Sequence[Address], shape: Shape) -> Found:
    """Return what becomes of *clients*, who come in this order."""
    names = [f"gateway-{n + 1}" for n in range(plan.gateways + plan.add)]
    before, leaving = names[: plan.gateways], names[: plan.remove]
    addresses = {client: jhash(hash_key(client), shape.seed) for client in set(clients)}
    hashes = [addresses[client] for client in clients]
    stages = [_Stage(before, hashes, plan.epsilon, shape)]
    moves = []
    for verb, many, after in (
        ("removed", plan.remove, [name for name in before if name not in leaving]),
        ("added", plan.add, [name for name in names if name not in leaving]),
    ):
        if many:
            stages.append(_Stage(after, hashes, plan.epsilon, shape))
            moves.append(_move(f"{many} {verb}", stages[-2], stages[-1]))
    first = stages[0]
    return Found(
        clients=len(clients),
        addresses=len(addresses),
        busiest={
            "buckets": _busiest(first.table.owners, first.names),
            "ring": _busiest(first.ring, first.names),
            "bounded": _busiest(first.bounded, first.names),
            "modulo": _busiest(first.modulo, first.names),
        },
        diverted=_differing(first.ring, first.bounded),
        moves=moves,
    )


def _bound(table: Table, buckets: Sequence[int], epsilon: float) -> list[str]:
    """Return who serves each connection where a full gateway passes it on."""
    loads, many, chosen = dict.fromkeys(table.names, 0), len(table.names), list[str]()
    for total, bucket in enumerate(buckets, start=1):
        limit = max(BOUND_FROM, total * (1 + epsilon) / many)
        name = table.owners[bucket]
        if loads[name] >= limit:
            name = next(other for other in table.successors(bucket) if loads[other] < limit)
        loads[name] += 1
        chosen.append(name)
    return chosen


def _move(change: str, before: _Stage, after: _Stage) -> Move:
    return Move(
        change=change,
        least=1 - min(len(before.names), len(after.names)) / max(len(before.names), len(after.names)),
        buckets=len(before.table.difference(after.table)) / before.table.shape.buckets,
        ring=_differing(before.ring, after.ring),
        bounded=_differing(before.bounded, after.bounded),
        modulo=_differing(before.modulo, after.modulo),
    )


def _busiest(served: Sequence[str], names: Sequence[str]) -> float:
    return max(Counter(served).values()) * len(names) / len(served)


def _differing(one: Sequence[str], other: Sequence[str]) -> float:
    return sum(a != b for a, b in zip(one, other, strict=True)) / len(one)
