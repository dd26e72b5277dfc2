"""From what was measured to what a machine carries."""

import pytest

from deploy.capacity.limits import Load, judge
from deploy.capacity.measuring import Scale, fitting
from deploy.capacity.model import Cost, Machine, Measured, Stretch, Wish, bytes_a_connection, carry, solve
from deploy.swarm.errors import Failed

GIB = 2**30
COSTS = {"read": Cost(0, 10e-6, 100e-6, 20e-6), "write": Cost(0, 0, 400e-6, 0), "router": Cost(0, 10e-6, 0, 20e-6)}
MEASURED = Measured(COSTS, {"read": 5_000, "router": 6_000}, kernel_bytes=2_500, fixed_bytes=0.25 * GIB)
MACHINE = Machine(cores=2, memory_bytes=16 * GIB, gateway_sockets=15_000, relay_connections=9_000)


def stretch(cost: Cost, connections: int, sends: int, deliveries: int, seconds: float = 10) -> Stretch:
    level = cost.rest + connections * cost.connection
    used = level * seconds + sends * cost.send + deliveries * cost.delivery
    return Stretch(seconds, connections, sends, deliveries, {"read": used})


def test_the_terms_that_made_the_figures_are_found_again() -> None:
    cost = Cost(rest=0.01, connection=5e-6, send=300e-6, delivery=15e-6)
    stretches = [stretch(cost, *shape) for shape in ((0, 0, 0), (1_000, 0, 0), (1_000, 5_000, 10_000), (1_000, 500, 50_000))]

    found = solve(*stretches)["read"]

    for term in ("rest", "connection", "send", "delivery"):
        assert getattr(found, term) == pytest.approx(getattr(cost, term))


def test_a_term_within_the_noise_is_zero_and_the_other_has_it_all() -> None:
    few, many = Stretch(10, 0, 5_000, 10_000, {"read": 0.05}), Stretch(10, 0, 500, 50_000, {"read": 1.0})
    none = Stretch(10, 0, 0, 0, {"read": 0.0})

    found = solve(none, none, few, many)["read"]

    assert found.send == 0
    assert found.delivery == pytest.approx(1.0 / 50_000)


def test_memory_and_processor_bound_what_is_carried() -> None:
    carried = carry(MEASURED, MACHINE, Wish(headroom=0.5, sends_a_minute=60, receivers=10), "kernel")

    assert carried.connections_by_memory == int((8 - 0.25) * GIB / 7_500)
    assert carried.connections_by_processor == int(1 / 10e-6)
    assert carried.sends == int(1 / 500e-6)
    assert carried.deliveries == int(1 / 20e-6)
    assert carried.users == int(1 / (10e-6 + 500e-6 + 10 * 20e-6))
    assert carried.relays == 0


def test_a_relay_costs_processor_and_two_more_ends_of_each_connection() -> None:
    wish = Wish(headroom=0.5, sends_a_minute=1, receivers=10)

    kernel, relay = (carry(MEASURED, MACHINE, wish, plane) for plane in ("kernel", "relay"))

    assert relay.users < kernel.users
    assert relay.relays >= relay.users / MACHINE.relay_connections
    assert bytes_a_connection(MEASURED, "relay") - bytes_a_connection(MEASURED, "kernel") == 6_000 + 2 * 2_500


def test_more_gateways_than_the_processor_needs_where_each_is_full_sooner() -> None:
    idle = carry(MEASURED, MACHINE, Wish(headroom=0.1, sends_a_minute=0, receivers=0), "kernel")

    assert idle.read_gateways == -(-idle.users // MACHINE.gateway_sockets)


def test_limits_that_are_too_low_come_with_the_command_that_raises_them() -> None:
    have = {"nofile": 1_024, "somaxconn": 128, "conntrack": 10_000, "files": 10**9, "ports": 28_232, "syn_backlog": 8_192}

    limits = {limit.name: limit for limit in judge(have, Load(connections=95_000, read_gateways=8, relays=0))}

    assert not limits["nofile"].is_enough
    assert limits["nofile"].command == f"ulimit -n {limits['nofile'].need}"
    assert limits["nofile"].need >= 95_000 / 8
    assert limits["conntrack"].command == "sysctl -w net.netfilter.nf_conntrack_max=118750"
    assert limits["somaxconn"].command == "sysctl -w net.core.somaxconn=4096"
    assert limits["syn_backlog"].is_enough
    assert "ports" not in limits


def test_a_relay_needs_two_files_a_connection_and_ports_towards_each_gateway() -> None:
    have = {"nofile": 20_000, "ports": 28_232}

    limits = {limit.name: limit for limit in judge(have, Load(connections=40_000, read_gateways=1, relays=4))}

    assert limits["nofile"].need >= 20_000
    assert limits["ports"].need == 40_000
    assert limits["ports"].command == 'sysctl -w net.ipv4.ip_local_port_range="10240 65000"'


def test_measuring_takes_no_more_clients_than_there_are_files_for() -> None:
    assert fitting(Scale(hall_guests=2_000), files=20_000).hall_guests == 2_000
    assert fitting(Scale(hall_guests=2_000), files=4_096).hall_guests == 1_100
    with pytest.raises(Failed, match="too few"):
        fitting(Scale(), files=1_024)
