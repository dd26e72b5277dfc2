"""The ring: the same everywhere, and only the lost gateway's places move."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ring import NoGateway, Ring, hash_key, parse_address, place

POINTS = 64
BUCKETS = 1024
PLACES = [place(bucket, BUCKETS) for bucket in range(0, BUCKETS, 8)]
pools = st.dictionaries(st.from_regex(r"[a-z]{1,6}-[0-9]{1,3}", fullmatch=True), st.integers(1, 4), min_size=2, max_size=12)


def ring(**weights: int) -> Ring:
    return Ring(weights, POINTS)


def test_an_empty_ring_says_so() -> None:
    with pytest.raises(NoGateway):
        ring().owners(BUCKETS)
    assert list(ring().successors(5)) == []


@given(pools)
def test_successors_are_all_gateways_each_once_and_begin_with_the_owner(weights: dict[str, int]) -> None:
    made = Ring(weights, POINTS)
    owners = made.owners(BUCKETS)

    for bucket in range(0, BUCKETS, 64):
        order = list(made.successors(place(bucket, BUCKETS)))
        assert sorted(order) == sorted(weights)
        assert order[0] == owners[bucket]


@given(pools, st.data())
def test_only_the_lost_gateways_places_move_and_to_their_next(weights: dict[str, int], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(weights)))
    before = Ring(weights, POINTS)
    after = Ring({name: weight for name, weight in weights.items() if name != lost}, POINTS)

    for position in PLACES:
        order = list(before.successors(position))
        order.remove(lost)
        assert list(after.successors(position)) == order


@given(pools, st.data())
def test_a_heavier_weight_takes_from_others_and_moves_nothing_between_them(
    weights: dict[str, int], data: st.DataObject
) -> None:
    heavier = data.draw(st.sampled_from(sorted(weights)))
    before = Ring(weights, POINTS).owners(BUCKETS)
    after = Ring(weights | {heavier: weights[heavier] + 1}, POINTS).owners(BUCKETS)

    assert all(new in (old, heavier) for old, new in zip(before, after, strict=True))


def test_a_gateway_gets_what_its_weight_says() -> None:
    owners = Ring({"a": 1, "b": 3}).owners(BUCKETS)

    assert owners.count("b") / BUCKETS == pytest.approx(0.75, abs=0.03)


def test_ipv6_clients_are_pinned_by_their_64_and_mapped_addresses_are_ipv4() -> None:
    assert hash_key(IPv6Address("2001:db8:1:2:3::4")) == hash_key(IPv6Address("2001:db8:1:2:ffff::1"))
    assert hash_key(IPv6Address("2001:db8:1:2::1")) != hash_key(IPv6Address("2001:db8:1:3::1"))
    assert hash_key(IPv6Address("::ffff:10.1.2.3")) == hash_key(IPv4Address("10.1.2.3"))


def test_a_zone_is_no_part_of_an_address() -> None:
    assert parse_address("fe80::1%eth0") == IPv6Address("fe80::1")
