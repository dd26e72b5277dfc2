"""Simulated pools: what moves, how even it is, beside the rivals."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.ring.clients import make_clients
from router.pool import BOUND_FROM
from router.simulation import Plan, simulate
from router.table import Shape

SMALL = Shape(buckets=4096, points=256)


def test_the_ring_moves_the_least_and_modulo_nearly_all() -> None:
    clients = make_clients(20_000, 0.0, 1, seed=1)

    gone, come = simulate(Plan(8, 1, 1, 0.25), clients, SMALL).moves

    assert (gone.change, come.change) == ("1 removed", "1 added")
    for move in (gone, come):
        assert move.least == pytest.approx(1 / 8)
        assert move.ring == pytest.approx(move.buckets, abs=0.01)
        assert move.buckets == pytest.approx(1 / 8, rel=0.25)
        assert move.modulo > 0.8


def test_many_clients_behind_one_address_overload_one_gateway_unless_loads_are_bounded() -> None:
    clients = make_clients(8_000, 0.5, 1, seed=1)

    found = simulate(Plan(8, 0, 0, 0.25), clients, SMALL)

    assert found.busiest["ring"] > 4
    assert found.busiest["bounded"] <= 1.26
    assert 0.3 < found.diverted < 0.5
    assert found.moves == []


def test_few_clients_are_not_diverted() -> None:
    found = simulate(Plan(2, 0, 0, 0.25), [IPv4Address("192.0.2.7")] * BOUND_FROM, SMALL)

    assert found.diverted == 0
    assert found.busiest["bounded"] == 2


@given(st.integers(1, 5), st.lists(st.integers(1, 50), min_size=1, max_size=300), st.floats(0.05, 2))
def test_no_gateway_has_more_than_the_bound(gateways: int, hosts: list[int], epsilon: float) -> None:
    clients = [IPv4Address(f"192.0.2.{host}") for host in hosts]

    found = simulate(Plan(gateways, 0, 0, epsilon), clients, Shape(buckets=4096, points=16))

    most = found.busiest["bounded"] * len(clients) / gateways
    assert most <= max(BOUND_FROM, len(clients) * (1 + epsilon) / gateways + 1)


def test_clients_are_drawn_alike_from_one_seed_and_as_many_as_asked_share_addresses() -> None:
    clients = make_clients(1_000, 0.4, 25, seed=3)

    assert clients == make_clients(1_000, 0.4, 25, seed=3)
    assert clients != make_clients(1_000, 0.4, 25, seed=4)
    assert 600 <= len(set(clients)) <= 625
