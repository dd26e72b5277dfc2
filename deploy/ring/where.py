"""Which gateways an address goes to."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from deploy.local.errors import LocalError
from router.status import PoolStatus, RouterStatus
from router.table import Table, make_table


class Where(msgspec.Struct, frozen=True):
    """An address in a pool: its bucket, and the gateways in the order in which they are tried; *full* ones come last."""

    address: str
    pool: str
    bucket: int
    order: Sequence[str]
    full: Sequence[str]


def parse_addresses(texts: Sequence[str]) -> list[IPv4Address | IPv6Address]:
    """Return the addresses; raise LocalError where a text is none."""
    try:
        return [ip_address(text.partition("%")[0]) for text in texts]
    except ValueError as error:
        raise LocalError(f"{error}; give addresses such as 192.0.2.7 or 2001:db8::1.") from None


def locate(status: RouterStatus, addresses: Sequence[IPv4Address | IPv6Address]) -> list[Where]:
    """Return where each address goes in each pool, by a table made here that must be the router's.

    Raises:
        LocalError: it is not, as with another version of Ringpost.
    """
    tables = [(pool, _table(status, pool)) for pool in status.pools]
    return [_locate(address, pool, table) for address in addresses for pool, table in tables]


def _table(status: RouterStatus, pool: PoolStatus) -> Table:
    weights = {gateway.name: gateway.weight for gateway in pool.gateways if gateway.share > 0}
    table = make_table(weights, status.shape)
    if table.signature != pool.signature:
        raise LocalError(
            f"The table of {pool.name} is {pool.signature} at {status.name} and {table.signature} here: "
            "it has just changed (try again), or this ringpost is of another version."
        )
    return table


def _locate(address: IPv4Address | IPv6Address, pool: PoolStatus, table: Table) -> Where:
    bucket = table.bucket(address)
    full = {gateway.name for gateway in pool.gateways if gateway.is_full}
    order = sorted(table.successors(bucket), key=lambda name: name in full)
    return Where(str(address), pool.name, bucket, order, [name for name in order if name in full])
