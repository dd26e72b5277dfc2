"""The kernel plane as nftables reads it: a table of rules that never change, and maps of buckets that do. A pure core.

A map has, for each bucket, the address and port of its gateway in one family of addresses. A connection's first packet is
hashed into a bucket (`router/jhash.py`), and its destination becomes what the map has there; the kernel keeps it there
from then on, whatever becomes of the map. Who is in a hot set is hashed with the port, so that one address is many clients.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address

from router.table import Shape

TABLE = "inet ringpost"
FAMILIES = (4, 6)
PREFIX = "ffff:ffff:ffff:ffff::"
Address = IPv4Address | IPv6Address
Spot = tuple[Address, int]
Buckets = Mapping[int, Spot]

_FAMILY = {4: "ip", 6: "ip6"}
_WHO = {4: "ip saddr", 6: f"ip6 saddr & {PREFIX}"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the rules follow from: where the services are (*ports* by pool), and the table's *shape*."""

    host: str
    ports: Mapping[str, int]
    shape: Shape

    def define(self) -> str:
        """Return the text that makes all of the table anew, with empty maps, in one transaction."""
        return f"table {TABLE}\ndelete table {TABLE}\n{self._body(self.name)}"

    @property
    def name(self) -> str:
        """The name of the chain that holds the rules: equal rules have equal names."""
        return f"rules_{blake2b(self._body('').encode(), digest_size=8).hexdigest()}"

    def _body(self, name: str) -> str:
        lines = [f"table {TABLE} {{"]
        for pool in self.ports:
            for family in FAMILIES:
                value = f"{_FAMILY[family]} daddr . tcp dport"
                lines.append(f"map {map_name(pool, family)} {{ typeof numgen inc mod {self.shape.buckets} : {value}; }}")
                lines.append(f"set {hot_name(pool, family)} {{ type ipv{family}_addr; }}")
        lines.append(f"chain {name} {{\n{''.join(self._rules())}}}")
        lines.append(f"chain prerouting {{ type nat hook prerouting priority -100; policy accept; jump {name}; }}")
        lines.append(f"chain output {{ type nat hook output priority -100; policy accept; jump {name}; }}")
        return "\n".join(lines) + "\n}\n"

    def _rules(self) -> Iterator[str]:
        for pool, port in self.ports.items():
            for family in FAMILIES:
                here = f"meta nfproto ipv{family} {_destination(self.host)} tcp dport {port}"
                into = f"dnat {_FAMILY[family]} to jhash"
                at = f"mod {self.shape.buckets} seed {self.shape.seed:#x} map @{map_name(pool, family)}"
                if _serves(self.host, family):
                    yield f"{here} {_WHO[family]} @{hot_name(pool, family)} {into} {_FAMILY[family]} saddr . tcp sport {at}\n"
                    yield f"{here} {into} {_WHO[family]} {at}\n"


def map_name(pool: str, family: int) -> str:
    return f"{pool}{family}"


def hot_name(pool: str, family: int) -> str:
    return f"{pool}_hot{family}"


def fill(owners: Iterable[str], spots: Mapping[str, Spot | None], family: int) -> dict[int, Spot]:
    """Return what the map of *family* should hold: a gateway that has no such address has no bucket there."""
    here = {name: spot for name, spot in spots.items() if spot is not None and spot[0].version == family}
    return {bucket: here[name] for bucket, name in enumerate(owners) if name in here}


def change(name: str, before: Buckets, after: Buckets) -> Iterator[str]:
    """Yield the statements that make a map that holds *before* hold *after*: nothing of a bucket that stays."""
    gone = [bucket for bucket in before if after.get(bucket) != before[bucket]]
    come = {bucket: spot for bucket, spot in after.items() if before.get(bucket) != spot}
    if gone:
        yield f"delete element {TABLE} {name} {{ {', '.join(map(str, gone))} }}"
    if come:
        written = {spot: f"{spot[0]} . {spot[1]}" for spot in set(come.values())}
        yield f"add element {TABLE} {name} {{ {', '.join(f'{bucket} : {written[come[bucket]]}' for bucket in come)} }}"


def change_set(name: str, before: Iterable[Address], after: Iterable[Address]) -> Iterator[str]:
    """Yield the statements that make a set that holds *before* hold *after*."""
    old, new = set(before), set(after)
    for verb, elements in (("delete", old - new), ("add", new - old)):
        if elements:
            yield f"{verb} element {TABLE} {name} {{ {', '.join(map(str, elements))} }}"


def is_everywhere(host: str) -> bool:
    """Say whether a service at *host* is one at each address of the machine."""
    return ip_address(host).is_unspecified


def _serves(host: str, family: int) -> bool:
    return host == "::" or ip_address(host).version == family


def _destination(host: str) -> str:
    return "fib daddr type local" if is_everywhere(host) else f"{_FAMILY[ip_address(host).version]} daddr {host}"
