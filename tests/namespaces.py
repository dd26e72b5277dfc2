"""Network namespaces of a test's own: clients, a router and gateways that see each other through it alone. It needs root."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from secrets import token_hex
from typing import IO, Any

from tests.system import ROOT

CLONE_NEWNET = 0x40000000
PLACES = "/usr/sbin:/sbin:/usr/bin:/bin"
CLIENTS, CLIENTS6 = "10.50.0.0/16", "fd50::/32"
ROUTER, ROUTER6 = "10.1.0.1", "fd01::1"
STOP_S = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Return why there can be no namespaces here; nothing if there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program, path=PLACES) is None:
            return f"{program} is not installed (package {package})"
    return ""


@dataclass(slots=True)
class Namespace:
    """One namespace; what runs in it ends with it."""

    name: str
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def do(self, *lines: str) -> None:
        """Run commands, one a line."""
        for line in lines:
            run("ip", "netns", "exec", self.name, *line.split())

    def start(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, output: IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in it; it has nothing of our environment but the PATH, and says what it says to *output*."""
        environment = {"PATH": f"{os.environ['PATH']}:{PLACES}", **(env or {})}
        with self.inside():
            own: dict[str, Any] = {"env": environment, "cwd": ROOT, "start_new_session": True}
            self.children.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **own))
        return self.children[-1]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in it: sockets that this thread makes meanwhile belong to it for good."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def close(self) -> None:
        for child in self.children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # its children too, such as nginx's worker
            child.wait(STOP_S)
        subprocess.run(["ip", "netns", "delete", self.name], env={"PATH": PLACES}, check=False)


@dataclass(frozen=True, slots=True)
class Network:
    """Clients have any address of CLIENTS and CLIENTS6; gateways have `10.2.0.11` and `fd02::11` and so on."""

    clients: Namespace
    router: Namespace
    gateways: Namespace


def gateway_address(number: int, family: int = 4) -> str:
    return f"10.2.0.{10 + number}" if family == 4 else f"fd02::{10 + number}"


@contextmanager
def open_network(gateways: int = 8) -> Iterator[Network]:
    """Make the network of a router that forwards; in the end take it away."""
    with ExitStack() as stack:
        clients, router, far = (stack.enter_context(open_namespace(kind)) for kind in ("c", "r", "g"))
        join(clients, router, "10.1.0", "fd01::")
        join(far, router, "10.2.0", "fd02::")
        clients.do(
            f"ip route add local {CLIENTS} dev lo",
            f"ip route add local {CLIENTS6} dev lo",
            "ip route add default via 10.1.0.1",
            "ip route add default via fd01::1",
            "sysctl -qw net.ipv6.ip_nonlocal_bind=1",
        )
        router.do(
            "sysctl -qw net.ipv4.ip_forward=1",
            "sysctl -qw net.ipv6.conf.all.forwarding=1",
            f"ip route add {CLIENTS} via 10.1.0.2",
            f"ip route add {CLIENTS6} via fd01::2",
        )
        far.do("ip route add default via 10.2.0.1", "ip route add default via fd02::1")
        for number in range(1, gateways + 1):
            far.do(f"ip addr add {gateway_address(number)}/24 dev v{router.name}")
            far.do(f"ip addr add {gateway_address(number, 6)}/64 dev v{router.name} nodad")
        yield Network(clients, router, far)


@contextmanager
def open_namespace(kind: str) -> Iterator[Namespace]:
    namespace = Namespace(f"{kind}{token_hex(3)}")
    run("ip", "netns", "add", namespace.name)
    try:
        namespace.do("ip link set lo up")
        yield namespace
    finally:
        namespace.close()


def run(*argv: str) -> str:
    done = subprocess.run(argv, env={"PATH": PLACES}, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


def join(one: Namespace, router: Namespace, net: str, net6: str) -> None:
    """Lay a cable between *one* (.2) and the *router* (.1)."""
    here, there = f"v{router.name}", f"v{one.name}"
    run("ip", "link", "add", here, "netns", one.name, "type", "veth", "peer", "name", there, "netns", router.name)
    for namespace, link, number in ((one, here, 2), (router, there, 1)):
        namespace.do(
            f"ip addr add {net}.{number}/24 dev {link}",
            f"ip addr add {net6}{number}/64 dev {link} nodad",
            f"ip link set {link} up",
        )


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
