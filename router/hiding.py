"""Whether something in front hides who the clients are, as docker's port proxy does, behind the bridge's address. A pure core.

The pin is then no pin: to the table they are one client, whom bounded loads spread over the gateways as each becomes full.
"""

import sys
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from router.ring import Address

ENOUGH = 20


class Hiding:
    """Looks at connections' addresses as they come. *ways_out*: the next hosts on the way out of this machine."""

    def __init__(self, ways_out: Collection[Address]) -> None:
        self._ways_out = {str(address) for address in ways_out}
        self._in_a_row = 0

    @property
    def is_on(self) -> bool:
        """Whether the last connections all came from a way out: who is behind it can't be told."""
        return self._in_a_row >= ENOUGH

    def see(self, source: str) -> bool:
        """Take the address of one more connection; say whether that settles it."""
        self._in_a_row = self._in_a_row + 1 if source in self._ways_out else 0
        return self._in_a_row == ENOUGH


def parse_ways_out(routes: str, routes6: str) -> list[Address]:
    """Return the next hosts of the default routes that `/proc/net/route` and `/proc/net/ipv6_route` list."""
    found: list[Address] = []
    for fields in map(str.split, routes.splitlines()[1:]):
        if len(fields) > 2 and int(fields[1], 16) == 0:
            found.append(IPv4Address(int(fields[2], 16).to_bytes(4, sys.byteorder)))
    for fields in map(str.split, routes6.splitlines()):
        if len(fields) > 4 and int(fields[0], 16) == int(fields[1], 16) == 0:
            found.append(ip_address(IPv6Address(bytes.fromhex(fields[4]))))
    return [address for address in dict.fromkeys(found) if not address.is_unspecified]
