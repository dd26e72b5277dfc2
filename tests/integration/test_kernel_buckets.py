"""The kernel plane's rules alone, in a namespace: an address has the bucket that our own table says."""

import os
import random
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from router import nft
from router.conntrack import list_flows
from router.netfilter import Rules, change, change_set, hot_name, map_name
from router.table import Shape, Table
from tests.namespaces import Namespace, missing, open_namespace

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

MANY, PORT, SERVICE = 10_000, 9000, {4: "10.1.0.1", 6: "fd01::1"}
SHAPE = Shape()
Address = IPv4Address | IPv6Address
HOMES: dict[int, Address] = {4: ip_address("10.128.0.0"), 6: ip_address("fd77::")}


@pytest.fixture(scope="module")
def place() -> Iterator[Namespace]:
    """A namespace in which each bucket is an address of its own, all of which are one listening socket's."""
    with open_namespace("b") as namespace:
        namespace.do("ip addr add 10.1.0.1/32 dev lo", "ip addr add fd01::1/128 dev lo nodad")
        for network in ("10.50.0.0/16", "10.128.0.0/16", "fd50::/16", "fd77::/64"):
            namespace.do(f"ip route add local {network} dev lo")
        namespace.do("sysctl -qw net.ipv6.ip_nonlocal_bind=1")
        with namespace.inside():
            nft.apply([Rules("0.0.0.0", {"read": 8000}, SHAPE).define(), *filled(4)])
        yield namespace


def filled(family: int) -> Iterator[str]:
    return change(map_name("read", family), {}, {n: (HOMES[family] + n, PORT) for n in range(SHAPE.buckets)})


@pytest.mark.parametrize("family", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_ten_thousand_addresses_have_the_same_bucket_in_the_kernel_and_in_our_table(place: Namespace, family: int) -> None:
    table, addresses = Table({}, SHAPE), list(made_addresses(family))
    with place.inside():
        nft.apply([Rules("::" if family == 6 else "0.0.0.0", {"read": 8000}, SHAPE).define(), *filled(family)])
        found = {address: bucket for address in addresses if (bucket := kernel_bucket(address)) is not None}

    assert found == {address: table.bucket(address) for address in addresses}
    assert len(found) == MANY


def test_a_hot_address_goes_to_many_buckets(place: Namespace) -> None:
    address = ip_address("10.50.7.7")
    with place.inside():
        nft.apply([Rules("0.0.0.0", {"read": 8000}, SHAPE).define(), *filled(4)])
        before = {kernel_bucket(address) for _ in range(20)}
        nft.apply(change_set(hot_name("read", 4), [], [address]))
        after = {kernel_bucket(address) for _ in range(20)}

    assert len(before) == 1
    assert len(after) > 10


def test_what_was_written_is_read_back(place: Namespace) -> None:
    with place.inside():
        rules = Rules("0.0.0.0", {"read": 8000}, SHAPE)
        nft.apply([rules.define(), *change(map_name("read", 4), {}, {3: (HOMES[4], 9), 7: (HOMES[4] + 1, 9)})])
        nft.apply(change(map_name("read", 4), {3: (HOMES[4], 9), 7: (HOMES[4] + 1, 9)}, {7: (HOMES[4] + 2, 9)}))

        assert nft.read_map(map_name("read", 4)) == {7: (HOMES[4] + 2, 9)}
        assert nft.has_rules(rules.name)
        assert not nft.has_rules(Rules("0.0.0.0", {"read": 8001}, SHAPE).name)


def test_the_list_of_connections_says_who_has_whom(place: Namespace) -> None:
    with place.inside():
        nft.apply([Rules("0.0.0.0", {"read": 8000}, SHAPE).define(), *filled(4)])
        client, served = connected(ip_address("10.50.9.9"))
        own = (ip_address("10.50.9.9"), client.getsockname()[1])  # other addresses had the same port before
        (flow,) = [flow for flow in list_flows(4) if (ip_address(flow.client.address), flow.client.port) == own]

        assert (flow.is_answered, flow.is_established) == (True, True)
        assert ip_address(flow.gateway.address) == ip_address(served.getsockname()[0])
        client.close()
        served.close()


def made_addresses(family: int) -> Iterator[Address]:
    chosen = random.Random(6)
    if family == 4:
        yield from (ip_address("10.50.0.0") + n for n in chosen.sample(range(1, 65_536), MANY))
    else:
        for n in chosen.sample(range(2**48), MANY):
            yield IPv6Address((0xFD50 << 112) + (n << 64) + chosen.getrandbits(64))


def kernel_bucket(address: Address) -> int | None:
    """Return the bucket that the kernel took a connection from *address* for."""
    client, served = connected(address)
    home = ip_address(served.getsockname()[0])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    served.close()
    return int(home) - int(HOMES[address.version])


_listening: dict[tuple[int, int], socket.socket] = {}


def connected(address: Address) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    listening = _listening.get((os.getpid(), address.version))
    if listening is None:
        listening = _listening[os.getpid(), address.version] = socket.create_server(("", PORT), family=family)
    client = socket.socket(family, socket.SOCK_STREAM)
    client.bind((str(address), 0))
    client.settimeout(5)
    client.connect((SERVICE[address.version], 8000))
    with suppress(ValueError):
        assert select.select([listening], [], [], 5)[0]
    return client, listening.accept()[0]
