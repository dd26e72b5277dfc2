"""The bucket table: which gateway each hash bucket of addresses goes to. Both data planes serve from the same one.

A table follows from the pool alone: routers with the same pool and shape hold the same table, and their signatures say so. It
never changes; what a change of the pool moves is the difference between two tables.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from router.jhash import jhash, scale
from router.ring import POINTS, Address, NoGateway, Ring, hash_key, place

BUCKETS = 65_536
SEED = 0x52696E67
KEPT = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """What routers must have in common for their tables to agree: *buckets* (a power of two), the hash's *seed*, *points*."""

    buckets: int = BUCKETS
    seed: int = SEED
    points: int = POINTS


class Table:
    """The gateways (name to weight) of a pool, each with its buckets. *shares*: which part of all buckets each has."""

    __slots__ = ("owners", "ring", "shape", "shares", "signature")

    def __init__(self, weights: Mapping[str, int], shape: Shape) -> None:
        self.shape = shape
        self.ring = Ring(weights, shape.points)
        self.owners = self.ring.owners(shape.buckets) if weights else ()
        counts = Counter(self.owners)
        self.shares = {name: counts[name] / shape.buckets for name in self.names}
        self.signature = self._sign()

    def __repr__(self) -> str:
        return f"Table({self.signature}: {', '.join(self.names) or 'nobody'})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return (self.shape, self.ring.weights, self.owners) == (other.shape, other.ring.weights, other.owners)

    def __hash__(self) -> int:
        return hash(self.signature)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.ring.weights)

    def bucket(self, address: Address) -> int:
        """Return the bucket of *address*; the kernel computes the same (`jhash ip saddr mod BUCKETS seed SEED`)."""
        return scale(jhash(hash_key(address), self.shape.seed), self.shape.buckets)

    def owner(self, bucket: int) -> str:
        """Return the gateway that *bucket* goes to.

        Raises:
            NoGateway: the table is empty.
        """
        if not self.owners:
            raise NoGateway
        return self.owners[bucket]

    def successors(self, bucket: int) -> Iterator[str]:
        """Yield all gateways, each once: the owner of *bucket*, then whom its clients would have without it, and so on."""
        return self.ring.successors(place(bucket, self.shape.buckets))

    def difference(self, after: "Table") -> dict[int, str]:
        """Return the buckets that *after*, a table of the same shape, has elsewhere, with their gateways there.

        Where *after* is empty no bucket has a gateway there, and nothing is different.
        """
        assert self.shape == after.shape, "buckets of another shape are other buckets"
        if not self.owners:
            return dict(enumerate(after.owners))
        pairs = enumerate(zip(self.owners, after.owners, strict=False))
        return {bucket: new for bucket, (old, new) in pairs if old != new}

    def _sign(self) -> str:
        said = (self.shape.buckets, self.shape.seed, self.shape.points, self.ring.weights, self.owners)
        return blake2b(repr(said).encode(), digest_size=8).hexdigest()


def make_table(weights: Mapping[str, int], shape: Shape) -> Table:
    """Return the table of *weights*; the last few are kept, since pools go back to what they were."""
    return _make_table(frozenset(weights.items()), shape)


@lru_cache(maxsize=KEPT)
def _make_table(weights: frozenset[tuple[str, int]], shape: Shape) -> Table:
    return Table(dict(weights), shape)
