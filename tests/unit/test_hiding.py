"""Whether the clients' addresses are hidden behind a bridge: what settles it, and what does not."""

from ipaddress import ip_address

import pytest

from router.hiding import ENOUGH, Hiding, parse_ways_out

BRIDGE, CLIENT = "172.18.0.1", "192.0.2.7"
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""
ROUTES6 = f"""\
{"0" * 32} 00 {"0" * 32} 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003 eth0
fd{"0" * 30} 40 {"0" * 32} 00 {"0" * 32} 00000100 00000001 00000000 00000001 eth0
{"0" * 32} 00 {"0" * 32} 00 {"0" * 32} ffffffff 00000001 00000000 00200200 lo
"""


def test_connections_that_all_come_from_the_bridge_settle_it_once() -> None:
    hiding = Hiding([ip_address(BRIDGE)])

    assert [hiding.see(BRIDGE) for _ in range(ENOUGH + 3)].count(True) == 1
    assert hiding.is_on


@pytest.mark.parametrize("other", [CLIENT, "2001:db8::1", "172.18.0.10"])
def test_one_client_with_an_address_of_its_own_unsettles_it(other: str) -> None:
    hiding = Hiding([ip_address(BRIDGE)])
    for _ in range(ENOUGH):
        hiding.see(BRIDGE)

    assert not hiding.see(other)
    assert not hiding.is_on


def test_many_connections_of_one_client_are_no_bridge() -> None:
    hiding = Hiding([ip_address(BRIDGE)])

    assert not any(hiding.see(CLIENT) for _ in range(10 * ENOUGH))


def test_a_machine_without_a_way_out_hides_nobody() -> None:
    hiding = Hiding(parse_ways_out("", ""))

    assert not any(hiding.see("127.0.0.1") for _ in range(10 * ENOUGH))


def test_ways_out_are_the_next_hosts_of_the_default_routes() -> None:
    assert parse_ways_out(ROUTES, ROUTES6) == [ip_address(BRIDGE), ip_address("fd00::1")]
