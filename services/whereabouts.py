"""Where routers find this gateway, if its settings leave that to be found: at the address that Redis sees."""

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

from shared.bus.client import is_cancelled

PAUSE_S = 0.5


async def find_host(redis_url: str) -> str:
    """Return the address from which this machine reaches Redis; wait until that has one."""
    server = urlsplit(redis_url)
    loop = asyncio.get_running_loop()
    while not is_cancelled():
        try:
            infos = await loop.getaddrinfo(server.hostname, server.port or 6379, type=socket.SOCK_DGRAM)
            return _source(*infos[0])
        except OSError:
            await asyncio.sleep(PAUSE_S)
    raise asyncio.CancelledError


def _source(family: int, kind: int, protocol: int, _: str, server: tuple[Any, ...]) -> str:
    """Return the address that a packet to *server* would come from; a datagram socket that connects sends none."""
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(server)
        return str(probe.getsockname()[0])
