"""The bucket table: it follows from the pool alone, is even, and moves as little as can be."""

import subprocess
import sys
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.jhash import jhash, scale
from router.ring import NoGateway
from router.table import Shape, Table, make_table

SMALL = Shape(buckets=1024, points=64)
EIGHT = {f"read-{n}": 1 for n in range(1, 9)}
# What `jhash ip saddr mod 65536 seed 0x52696e67` and its IPv6 twin put into a packet's mark, Linux 6.18, nftables 1.0.6.
OF_THE_KERNEL = {"10.149.44.168": 4, "2001:db8:6a39:32eb:6f53:d0b3:9df0:96d0": 31}
pools = st.dictionaries(st.from_regex(r"[a-z]{1,6}-[0-9]{1,3}", fullmatch=True), st.integers(1, 3), max_size=10)


def without(weights: dict[str, int], name: str) -> dict[str, int]:
    return {other: weight for other, weight in weights.items() if other != name}


def test_an_empty_table_says_so() -> None:
    with pytest.raises(NoGateway):
        Table({}, SMALL).owner(0)


@pytest.mark.parametrize(("address", "bucket"), OF_THE_KERNEL.items())
def test_an_address_has_the_kernels_bucket(address: str, bucket: int) -> None:
    assert Table({}, Shape()).bucket(ip_address(address)) == bucket


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_an_ipv4_address_and_its_mapped_form_have_one_bucket(address: int, seed: int) -> None:
    table = Table({}, Shape(seed=seed))
    plain = IPv4Address(address)

    assert table.bucket(plain) == table.bucket(ip_address(f"::ffff:{plain}"))
    assert 0 <= table.bucket(plain) < table.shape.buckets


def test_hashes_spread_over_all_buckets() -> None:
    hashes = [jhash(IPv4Address((10 << 24) + n).packed, 7) for n in range(10_000)]
    counts = [0] * 16
    for hashed in hashes:
        counts[scale(hashed, 16)] += 1

    assert all(500 < count < 750 for count in counts)


@given(pools, st.data())
def test_the_order_of_joining_does_not_matter(weights: dict[str, int], data: st.DataObject) -> None:
    other_way = dict(data.draw(st.permutations(list(weights.items()))))

    assert Table(weights, SMALL) == Table(other_way, SMALL)


@given(pools, pools)
def test_signatures_are_equal_where_tables_are(one: dict[str, int], other: dict[str, int]) -> None:
    a, b = Table(one, SMALL), Table(other, SMALL)

    assert (a.signature == b.signature) is (a == b) is (one == other)


def test_another_shape_has_another_signature() -> None:
    shapes = [Shape(1024, 1, 64), Shape(2048, 1, 64), Shape(1024, 2, 64), Shape(1024, 1, 65)]

    assert len({Table({"a": 1, "b": 1}, shape).signature for shape in shapes}) == 4


@given(pools.filter(bool), st.data())
def test_only_the_lost_gateways_buckets_differ(weights: dict[str, int], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(weights)))
    before, after = Table(weights, SMALL), Table(without(weights, lost), SMALL)

    moved = before.difference(after)

    if after.names:
        assert set(moved) == {bucket for bucket, name in enumerate(before.owners) if name == lost}
        assert all(moved[bucket] == list(before.successors(bucket))[1] for bucket in moved)
    else:
        assert moved == {}


@given(pools, pools)
def test_a_difference_leads_from_one_table_to_the_other(one: dict[str, int], other: dict[str, int]) -> None:
    before, after = Table(one, SMALL), Table(other, SMALL)

    led = dict(enumerate(before.owners)) | before.difference(after)

    assert led == dict(enumerate(after.owners)) or not after.owners


@pytest.mark.parametrize("pool", ["read-{}", "10.0.0.{}:8080", "gateway-7d9f8b6c5-{}x"])
def test_the_busiest_of_eight_has_at_most_a_twentieth_above_the_mean(pool: str) -> None:
    table = make_table({pool.format(n): 1 for n in range(8)}, Shape())

    assert max(table.shares.values()) * 8 <= 1.05


def test_what_moves_when_one_of_eight_goes_or_comes_is_at_most_a_twentieth_above_the_least() -> None:
    eight, seven = make_table(EIGHT, Shape()), make_table(without(EIGHT, "read-3"), Shape())

    assert len(eight.difference(seven)) <= 1.05 * 65_536 / 8
    assert len(seven.difference(eight)) <= 1.05 * 65_536 / 8


@pytest.mark.parametrize("seed", ["0", "1", "31337"])
def test_the_table_is_the_same_in_every_process(seed: str) -> None:
    program = "from router.table import Shape, Table; print(Table({'a': 1, 'b': 2, 'c': 1}, Shape(1024, 5, 64)).signature)"
    out = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )

    assert out.stdout.strip() == Table({"c": 1, "b": 2, "a": 1}, Shape(1024, 5, 64)).signature
