"""Where gateways are, as a socket is told; a name is looked up, and that is believed for a few seconds."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Any, NamedTuple

KEPT_S, MOST_KEPT = 5.0, 4096


class Place(NamedTuple):
    """A socket's family and the address to connect it to."""

    family: int
    address: tuple[Any, ...]


class Places:
    """What is known of (host, port); *start* runs a look-up."""

    def __init__(self, start: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._start = start
        self._known: dict[tuple[str, int], tuple[float, Place]] = {}

    def find(self, host: str, port: int) -> Place | None:
        """Return the place; None: it must be learned."""
        found = self._known.get((host, port))
        if found is not None and time.monotonic() < found[0]:
            return found[1]
        try:
            version = ip_address(host).version
        except ValueError:
            return None
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        return self._keep(host, port, Place(family, (host, port)), float("inf"))

    def learn(self, host: str, port: int, then: Callable[[Place | None], None]) -> None:
        """Look the name up; call *then* with its place, or None if it has none."""
        self._start(self._learn(host, port, then))

    async def _learn(self, host: str, port: int, then: Callable[[Place | None], None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            then(None)
            return
        then(self._keep(host, port, Place(infos[0][0], infos[0][4]), time.monotonic() + KEPT_S))

    def _keep(self, host: str, port: int, place: Place, until: float) -> Place:
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[host, port] = (until, place)
        return place
