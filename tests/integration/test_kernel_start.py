"""The kernel plane's start: what this machine lacks is one clear line, and nothing runs."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from router import nft
from tests.namespaces import PLACES, Namespace, Network, gateway_address, missing, open_namespace, open_network
from tests.system import ROOT

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PORT = 9000
CAP_NET_ADMIN, PR_CAPBSET_DROP, NOBODY = 12, 24, 65534
SPOTS = f"{gateway_address(1)}:{PORT}"
SETTINGS = {
    "PATH": f"{os.environ['PATH']}:{PLACES}",
    "RINGPOST_PLANE": "kernel",
    "RINGPOST_HOST": "0.0.0.0",
    "RINGPOST_MEMBERSHIP": "list",
    "RINGPOST_READ_GATEWAYS": SPOTS,
    "RINGPOST_WRITE_GATEWAYS": SPOTS,
    "RINGPOST_LOG_LEVEL": "error",
}


WAIT_AND_START = f"""
import socket, time
for _ in range(400):
    try:
        socket.create_connection({(gateway_address(1), PORT)!r}, 1).close()
        break
    except OSError:
        time.sleep(0.05)
import router.__main__ as m
m.main()
"""


@pytest.fixture
def alone() -> Iterator[Namespace]:
    """A machine that is a router's, but for what a test takes from it."""
    with open_namespace("r") as namespace:
        namespace.do("sysctl -qw net.ipv4.ip_forward=1")
        yield namespace


@pytest.fixture
def network() -> Iterator[Network]:
    with open_network(gateways=2) as opened:
        yield opened


def end_of(
    namespace: Namespace, code: str = "import router.__main__ as m; m.main()", before: Callable[[], object] | None = None
) -> str:
    """Return the one line that a router says, whose start must fail."""
    with namespace.inside():
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=SETTINGS,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=before,
        )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_who_is_not_root_is_told_so(alone: Namespace) -> None:
    """It becomes nobody after its imports, since nobody may be unable to read an interpreter under /root."""
    line = end_of(alone, f"import os, router.__main__ as m; os.setuid({NOBODY}); m.main()")

    assert line == "ringpost: RINGPOST_PLANE=kernel: it needs root (or CAP_NET_ADMIN and user id 0 in a namespace)"


def test_root_that_may_not_change_the_network_is_told_so(alone: Namespace) -> None:
    libc = ctypes.CDLL(None)

    line = end_of(alone, before=lambda: libc.prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0))

    assert line.startswith("ringpost: RINGPOST_PLANE=kernel: nft: ")
    assert "not permitted" in line


def test_a_kernel_that_does_not_forward_is_told_of(alone: Namespace) -> None:
    alone.do("sysctl -qw net.ipv4.ip_forward=0")

    assert end_of(alone).endswith("the kernel does not forward: sysctl -w net.ipv4.ip_forward=1")


@pytest.mark.slow
def test_gateways_whose_answers_go_another_way_are_told_of(network: Network) -> None:
    network.gateways.start([sys.executable, "-m", "tests.greeter", gateway_address(1), str(PORT), "one"])
    network.gateways.do("ip route replace blackhole 192.0.2.0/24")

    line = end_of(network.router, WAIT_AND_START)

    assert line.endswith("answers of 10.2.0.11 to clients do not come back through this machine: lead their routes here")
    with network.router.inside():
        assert subprocess.run([nft.find(), "list", "tables"], capture_output=True, text=True).stdout == ""


@pytest.mark.slow
def test_where_the_answers_of_gateways_come_back_it_starts(network: Network) -> None:
    network.gateways.start([sys.executable, "-m", "tests.greeter", gateway_address(1), str(PORT), "one"])
    router = network.router.start([sys.executable, "-c", WAIT_AND_START], SETTINGS)

    deadline = time.monotonic() + 60
    while not filled(network):
        assert router.poll() is None, "it ended"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def filled(network: Network) -> int:
    """Return how many buckets the kernel has."""
    with network.router.inside(), suppress(nft.KernelError):
        return len(nft.read_map("read4"))
    return 0
