"""What a router tells of itself: true to the pool, and small."""

import msgspec
import pytest

from router.health import HealthPolicy, State
from router.pool import Pool
from router.status import SLICES, PoolStatus, describe
from router.table import Shape, make_table
from shared.bus.registry import Gateway, GatewayState


def pool(**connections: int) -> Pool:
    made = Pool("read", 0.25, Shape(buckets=4096, points=64), HealthPolicy(rise=1, fall=1))
    made.learn(
        [Gateway(n, "2001:db8::1", 80 + i, GatewayState.READY, c, 1000) for i, (n, c) in enumerate(connections.items())], 0.0
    )
    look(made, 0.0)
    return made


def look(made: Pool, now: float, **found: State) -> None:
    made.look({name: found.get(name, State.ACTIVE) for name in made.known}, now)
    made.adopt(make_table(made.wanted(now), made.shape), now)


def test_gateways_are_told_with_shares_that_are_the_tables() -> None:
    made = pool(a=300, b=10)

    told = describe(made, 2.5)

    assert [(gateway.name, gateway.address, gateway.since_s) for gateway in told.gateways] == [
        ("a", "[2001:db8::1]:80", 2.5),
        ("b", "[2001:db8::1]:81", 2.5),
    ]
    assert sum(gateway.share for gateway in told.gateways) == pytest.approx(1)
    assert [gateway.is_full for gateway in told.gateways] == [True, False]
    assert [gateway.bound for gateway in told.gateways] == [194, 194]


def test_what_the_last_change_moved_can_be_drawn() -> None:
    made = pool(a=0, b=0, c=0)
    look(made, 5.0, b=State.DOWN)

    told = describe(made, 8.0)
    names = told.ring.names
    moved = [(before, now) for before, now in zip(told.ring.before, told.ring.now, strict=True) if before != now]

    assert len(told.ring.now) == SLICES
    assert {names[before] for before, _ in moved} == {"b"}
    assert "b" not in {names[now] for now in told.ring.now}
    assert (told.changes[0].left, told.changes[0].ago_s) == (("b",), 3.0)
    assert told.changes[0].moved == pytest.approx(len(moved) / SLICES, abs=0.05)


def test_an_empty_pool_has_a_ring_of_nobody() -> None:
    told = describe(Pool("read", 0.25, Shape(buckets=4096, points=64)), 0.0)

    assert set(told.ring.now) == set(told.ring.before) == {-1}
    assert told.gateways == []


def test_it_comes_back_whole_from_json() -> None:
    told = describe(pool(a=1, b=2), 1.0)

    read = msgspec.json.decode(msgspec.json.encode(told), type=PoolStatus)

    assert msgspec.json.encode(read) == msgspec.json.encode(told)
    assert len(msgspec.json.encode(told)) < 8192
