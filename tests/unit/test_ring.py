"""The ring: the same everywhere, and only the lost gateway's clients move."""

import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.ring import NoGateway, Ring, hash_key

ADDRESSES = [IPv4Address(f"10.{n % 7}.{n // 7 % 251}.{n % 253}") for n in range(3000)]
names = st.sets(st.from_regex(r"[a-z]{1,6}-[0-9]{1,3}", fullmatch=True), min_size=2, max_size=12)


def first(ring: Ring, address: IPv4Address) -> str:
    return ring.successors(address)[0]


def test_an_empty_ring_says_so() -> None:
    with pytest.raises(NoGateway):
        Ring([]).successors(ADDRESSES[0])


def test_successors_are_all_gateways_each_once() -> None:
    ring = Ring(["a", "b", "c"])

    assert all(sorted(ring.successors(address)) == ["a", "b", "c"] for address in ADDRESSES[:100])


@settings(max_examples=30)
@given(names, st.data())
def test_only_the_lost_gateways_clients_move_and_to_their_next(all_names: set[str], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(all_names)))
    before, after = Ring(all_names), Ring(all_names - {lost})

    for address in ADDRESSES[:200]:
        order = before.successors(address)
        assert first(after, address) == (order[1] if order[0] == lost else order[0])


def test_a_new_gateway_takes_about_its_share() -> None:
    before, after = Ring(["a", "b", "c"]), Ring(["a", "b", "c", "d"])

    moved = [address for address in ADDRESSES if first(before, address) != first(after, address)]

    assert all(first(after, address) == "d" for address in moved)
    assert 0.15 < len(moved) / len(ADDRESSES) < 0.35


def test_the_order_of_names_does_not_matter() -> None:
    assert [first(Ring(["a", "b", "c"]), a) for a in ADDRESSES] == [first(Ring(["c", "a", "b"]), a) for a in ADDRESSES]


@pytest.mark.parametrize("seed", ["0", "1", "31337"])
def test_the_ring_is_the_same_in_every_process(seed: str) -> None:
    program = (
        "from ipaddress import ip_address; from router.ring import Ring; r = Ring(['a', 'b', 'c']);"
        "print([r.successors(ip_address(f'10.0.0.{n}')) for n in range(50)])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )

    assert out.stdout.strip() == str([Ring(["a", "b", "c"]).successors(ip_address(f"10.0.0.{n}")) for n in range(50)])


def test_ipv6_clients_are_pinned_by_their_64_and_mapped_addresses_are_ipv4() -> None:
    assert hash_key(IPv6Address("2001:db8:1:2:3::4")) == hash_key(IPv6Address("2001:db8:1:2:ffff::1"))
    assert hash_key(IPv6Address("2001:db8:1:2::1")) != hash_key(IPv6Address("2001:db8:1:3::1"))
    assert hash_key(IPv6Address("::ffff:10.1.2.3")) == hash_key(IPv4Address("10.1.2.3"))
