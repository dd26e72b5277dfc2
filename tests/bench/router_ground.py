"""The namespaces of the router's benchmark: clients, gateways, and four ways between them.

kernel   a router of ours in the kernel plane, in a namespace of its own
proxies  our relay and its peers, which see the gateways through a namespace without nftables
forward  the same namespace as a plain IP router: what a hop costs that only forwards
direct   a cable
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.namespaces import Namespace, join, open_namespace

GATEWAYS, PORT, DOOMED_PORT = 8, 9000, 9001
FORWARD = "sysctl -qw net.ipv4.ip_forward=1"
QUIET = "sysctl -qw net.ipv4.tcp_max_syn_backlog=16384 net.core.somaxconn=16384"
CALM = "sysctl -qw net.ipv4.tcp_syncookies=0"


@dataclass(frozen=True, slots=True)
class Way:
    """One way: where its clients' addresses lie, whom they call, and how gateways are seen from there."""

    sources: str
    target: str
    gateways: str

    def spots(self) -> Sequence[tuple[str, int]]:
        """Return the gateways; the first one has a process of its own."""
        ports = [DOOMED_PORT] + [PORT] * (GATEWAYS - 1)
        return [(f"{self.gateways}.{11 + n}", port) for n, port in enumerate(ports)]


KERNEL = Way("10.50", "10.1.0.1", "10.2.0")
PROXIES = Way("10.51", "10.3.0.1", "10.4.0")
FORWARDED = Way("10.52", "10.4.0.12", "10.4.0")
DIRECT = Way("10.53", "10.5.0.12", "10.5.0")


@dataclass(frozen=True, slots=True)
class Ground:
    """The namespaces."""

    clients: Namespace
    kernel: Namespace
    proxies: Namespace
    gateways: Namespace

    def inside_of(self, way: Way) -> Namespace:
        return self.kernel if way is KERNEL else self.proxies


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Make the namespaces; in the end take them away."""
    with ExitStack() as stack:
        clients, kernel, proxies, gateways = (stack.enter_context(open_namespace(kind)) for kind in "ckpg")
        join(clients, kernel, "10.1.0", "fd01::")
        join(gateways, kernel, "10.2.0", "fd02::")
        join(clients, proxies, "10.3.0", "fd03::")
        join(gateways, proxies, "10.4.0", "fd04::")
        join(clients, gateways, "10.5.0", "fd05::")
        for namespace in (clients, kernel, proxies, gateways):
            namespace.do(QUIET, CALM)
        for way in (KERNEL, PROXIES, FORWARDED, DIRECT):
            clients.do(f"ip route add local {way.sources}.0.0/16 dev lo")
        clients.do("ip route add 10.4.0.0/24 via 10.3.0.1")
        kernel.do(FORWARD, f"ip route add {KERNEL.sources}.0.0/16 via 10.1.0.2")
        proxies.do(FORWARD)
        for way in (PROXIES, FORWARDED):
            proxies.do(f"ip route add {way.sources}.0.0/16 via 10.3.0.2")
        gateways.do(
            f"ip route add {KERNEL.sources}.0.0/16 via 10.2.0.1",
            f"ip route add {FORWARDED.sources}.0.0/16 via 10.4.0.1",
            f"ip route add {DIRECT.sources}.0.0/16 via 10.5.0.2",
            "ip route add default via 10.2.0.1",
        )
        for way, link in ((KERNEL, kernel), (PROXIES, proxies), (DIRECT, clients)):
            for n in range(GATEWAYS):
                gateways.do(f"ip addr add {way.gateways}.{11 + n}/24 dev v{link.name if way is not DIRECT else clients.name}")
        yield Ground(clients, kernel, proxies, gateways)


def write_sources(path: Path, addresses: Iterator[str]) -> Path:
    """Write the addresses that a load is to come from."""
    path.write_text("\n".join(addresses) + "\n")
    return path


def all_sources(way: Way) -> Iterator[str]:
    return (f"{way.sources}.{n >> 8}.{n & 255}" for n in range(1, 65_535))
