"""A running system as it was seen once: who answered, what each of them said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.looking.scrape import Scrape
from router.status import GatewayStatus, RouterStatus


@dataclass(frozen=True, slots=True)
class Told:
    """What a process said of itself. *clock_s*: how far its clock is ahead of ours."""

    is_ready: bool
    reasons: Sequence[str]
    degraded: Sequence[str]
    scrape: Scrape
    clock_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A gateway: the pools that routers know it in, what they think of it, and what it says; None: it does not answer us."""

    name: str
    address: str
    pools: tuple[str, ...]
    status: GatewayStatus
    told: Told | None


@dataclass(frozen=True, slots=True)
class Router:
    """A router: what it says, or why nothing of it is known."""

    name: str
    url: str
    status: RouterStatus | None
    told: Told | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """All of it. *at* is in seconds that only rise."""

    at: float
    routers: Sequence[Router]
    gateways: Sequence[Seen]


def gateways_of(statuses: Sequence[RouterStatus]) -> Mapping[str, tuple[GatewayStatus, tuple[str, ...]]]:
    """Return each gateway that a router knows, once by its address, with the pools that it is in."""
    found: dict[str, tuple[GatewayStatus, tuple[str, ...]]] = {}
    for status in statuses:
        for pool in status.pools:
            for gateway in pool.gateways:
                known, pools = found.get(gateway.address, (gateway, ()))
                found[gateway.address] = known, pools if pool.name in pools else (*pools, pool.name)
    return found
