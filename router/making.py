"""What the settings say, made: pools, what watches them, what bounds the relay; the same in a router and its workers."""

import contextlib
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from router.health import HealthPolicy
from router.hiding import parse_ways_out
from router.members import Listed, Members, Resolved
from router.pool import Pool
from router.relay import RelayPolicy
from router.relaying import RelayPlane
from router.ring import Address
from router.room import Room
from router.settings import Membership, RouterSettings, parse_addresses, parse_networks
from router.spots import parse_spots
from router.table import Shape
from router.watch import Cadence, Watch
from router.workers import Workers
from shared.bus.client import connect
from shared.bus.registry import Registry


def make_pools(s: RouterSettings) -> Sequence[Pool]:
    shape = Shape(buckets=s.buckets, seed=s.hash_seed)
    health = HealthPolicy(rise=s.rise, fall=s.fall, hold_s=s.flap_hold_s)
    return [Pool(name, s.epsilon, shape, health) for name in ("read", "write")]


def make_watch(s: RouterSettings, pools: Sequence[Pool]) -> Watch:
    return Watch(_make_members(s), pools, Cadence(s.membership_s, s.probe_s, s.probe_timeout_s))


def make_relay(s: RouterSettings, pools: Sequence[Pool], workers: int) -> RelayPlane:
    """Return the relay of a process that has so many *workers* beside it; it may have as many files as it can get."""
    ports, room = {"read": s.read_port, "write": s.write_port}, Room(s.max_connections, _raise_files())
    return RelayPlane(pools, _make_policy(s), room, s.host, ports, Workers(workers))


def _make_policy(s: RouterSettings) -> RelayPolicy:
    return RelayPolicy(
        connect_timeout_s=s.connect_timeout_s,
        idle_timeout_s=s.idle_timeout_s,
        max_per_source=s.max_per_source,
        buffer_bytes=s.buffer_bytes,
        secret=s.proxy_secret.get_secret_value() if s.proxy_secret else None,
        front=parse_networks(s.front),
        sources=parse_addresses(s.relay_sources),
        ways_out=_read_ways_out(),
    )


def _read_ways_out() -> Sequence[Address]:
    """Return the next hosts on the way out of this machine; none where the kernel does not list routes so."""
    tables = [Path("/proc/net/route"), Path("/proc/net/ipv6_route")]
    return parse_ways_out(*(table.read_text() if table.exists() else "" for table in tables))


def _raise_files() -> int:
    """Let this process have as many files as it may be given; return how many that are."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS gives fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if now == resource.RLIM_INFINITY else now


def _make_members(s: RouterSettings) -> Members:
    spots = {"read": parse_spots(s.read_gateways), "write": parse_spots(s.write_gateways)}
    match s.membership:
        case Membership.REGISTRY:
            return Registry(connect(s.redis_url.get_secret_value(), s.redis_timeout_s), s.prefix, s.redis_timeout_s)
        case Membership.DNS:
            return Resolved(spots, s.redis_timeout_s)
        case Membership.LIST:
            return Listed(spots)
