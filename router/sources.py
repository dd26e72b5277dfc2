"""The addresses that gateways are called from. One address has some 28,000 ports for the connections to one gateway."""

import socket
import sys
from collections.abc import Sequence
from itertools import cycle

from router.places import Place
from router.ring import Address

# Linux: the port is chosen at the call, so that connections to two gateways may have the same one.
_NO_PORT = 24 if sys.platform == "linux" else None
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class Sources:
    """*addresses*, taken in turn; where there is none of a family, the kernel chooses."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        by_family = {_FAMILIES[v]: [str(address) for address in addresses if address.version == v] for v in _FAMILIES}
        self._turns = {family: cycle(found) for family, found in by_family.items() if found}

    def call(self, sock: socket.socket, place: Place) -> int:
        """Begin to connect *sock* to *place*; return the error's number as `connect_ex` does."""
        turn = self._turns.get(socket.AddressFamily(place.family)) if self._turns else None
        if turn is not None:
            if _NO_PORT is not None:
                sock.setsockopt(socket.IPPROTO_IP, _NO_PORT, 1)
            try:
                sock.bind((next(turn), 0))
            except OSError as error:
                return error.errno or -1
        return sock.connect_ex(place.address)
