"""Where a router learns who is in a pool: the registry in Redis, DNS names, or a list."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Protocol

from router.spots import Spot
from shared.bus.registry import Gateway, GatewayState
from shared.errors import Unavailable

UNKNOWN_CAPACITY = 2**31 - 1


class Members(Protocol):
    """Three stand behind it: `Registry` (shared/bus), `Listed` and `Resolved`."""

    async def read(self, pool: str) -> tuple[Gateway, ...]:
        """Return the members of *pool*; raise Unavailable where they can't be known now."""
        ...


def _gateway(host: str, port: int, weight: int) -> Gateway:
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Gateway(name, host, port, GatewayState.READY, 0, UNKNOWN_CAPACITY, weight)


class Listed:
    """Members that a setting lists; a gateway's name is its HOST:PORT."""

    def __init__(self, pools: Mapping[str, Sequence[Spot]]) -> None:
        self._pools = {
            pool: tuple(_gateway(spot.host, spot.port, spot.weight) for spot in spots) for pool, spots in pools.items()
        }

    async def read(self, pool: str) -> tuple[Gateway, ...]:
        return self._pools[pool]


class Resolved:
    """Members that DNS names: each address of each name is a gateway, called ADDRESS:PORT."""

    def __init__(self, pools: Mapping[str, Sequence[Spot]], timeout_s: float) -> None:
        self._pools, self._timeout_s = pools, timeout_s

    async def read(self, pool: str) -> tuple[Gateway, ...]:
        found = await asyncio.gather(*(self._resolve(spot) for spot in self._pools[pool]))
        members = {gateway.name: gateway for gateways in found for gateway in gateways}
        return tuple(members[name] for name in sorted(members))

    async def _resolve(self, spot: Spot) -> list[Gateway]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                infos = await loop.getaddrinfo(spot.host, spot.port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"{spot.host} can't be resolved now.") from error
        return [_gateway(str(info[4][0]), spot.port, spot.weight) for info in infos]
