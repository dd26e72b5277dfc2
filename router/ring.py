"""The consistent-hash ring. The one home of uhashring; a ring never changes, a change makes a new one.

uhashring's own ways to change a ring in place leave stale points behind, a str and the same bytes hash differently, and an
empty ring answers None: none of that gets out of here. Its ketama ring is not used: there a gateway's points depend on
everybody's weights, so that a change of one weight moves clients between all others (`docs/decisions/0008`).
"""

from bisect import bisect
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address

from uhashring import HashRing

Address = IPv4Address | IPv6Address
POINTS = 8192
POSITION_BITS = 64


class NoGateway(Exception):
    """The ring is empty."""


class Ring:
    """A ring of gateways by name, with their weights (1 and more). Equal weights make equal rings, in every process.

    *points* is how many points a gateway of weight 1 has: its share is within about 1 / √points of what it should be.
    """

    def __init__(self, weights: Mapping[str, int], points: int = POINTS) -> None:
        assert all(weight >= 1 for weight in weights.values()), "a gateway that shall get nothing is not in the ring"
        self.weights = dict(sorted(weights.items()))
        ring = HashRing(nodes=self.weights, hash_fn=_position, vnodes=points)
        ordered: list[tuple[int, str]] = ring.get_points()
        self._positions = [position for position, _ in ordered]
        self._names = [name for _, name in ordered]

    def __repr__(self) -> str:
        return f"Ring({self.weights})"

    def owners(self, buckets: int) -> tuple[str, ...]:
        """Return who serves each of *buckets* places, which lie on the ring at equal distances.

        Raises:
            NoGateway: the ring is empty.
        """
        if not self.weights:
            raise NoGateway
        positions, names, count = self._positions, self._names, len(self._names)
        return tuple(names[bisect(positions, place(bucket, buckets)) % count] for bucket in range(buckets))

    def successors(self, position: int) -> Iterator[str]:
        """Yield all names, each once, in ring order from the one that serves *position* on; nobody if the ring is empty."""
        seen: set[str] = set()
        point = bisect(self._positions, position)
        while len(seen) < len(self.weights):
            name = self._names[point % len(self._names)]
            if name not in seen:
                seen.add(name)
                yield name
            point += 1


def place(bucket: int, buckets: int) -> int:
    """Return where on the ring *bucket* lies, of so many *buckets*."""
    return (bucket << POSITION_BITS) // buckets


def hash_key(address: Address) -> bytes:
    """Return what of *address* is hashed: an IPv6 client moves within its /64, and a mapped IPv4 address is IPv4."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped.packed if address.ipv4_mapped is not None else address.packed[:8] + bytes(8)
    return address.packed


def parse_address(text: str) -> Address:
    """Return the address that a socket names, without its zone."""
    return ip_address(text.partition("%")[0])


def _position(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=POSITION_BITS // 8).digest(), "big")
