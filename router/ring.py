"""The consistent-hash ring. The one home of uhashring; a ring never changes, a change makes a new one.

uhashring's own ways to change a ring in place leave stale points behind, a str and the same bytes hash differently, and an
empty ring answers None: none of that gets out of here.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from uhashring import HashRing

Address = IPv4Address | IPv6Address


class NoGateway(Exception):
    """The ring is empty."""


class Ring:
    """A ring of gateways by name. Equal sets of names make equal rings, in every process."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._ring = HashRing(nodes=sorted(self.names), hash_fn="ketama")

    def __repr__(self) -> str:
        return f"Ring({', '.join(sorted(self.names))})"

    def successors(self, address: Address) -> list[str]:
        """Return all names in ring order, from the one that serves *address* on.

        Raises:
            NoGateway: there is none.
        """
        if not self.names:
            raise NoGateway
        return list(self._ring.iterate_nodes(hash_key(address)))


def hash_key(address: Address) -> str:
    """Return what of *address* is hashed: an IPv6 client moves within its /64, and a mapped IPv4 address is IPv4."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False).network_address)
    return str(address)


def parse_address(text: str) -> Address:
    """Return the address that a socket names, without its zone."""
    return ip_address(text.partition("%")[0])
