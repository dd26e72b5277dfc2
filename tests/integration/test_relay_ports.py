"""A relay that has no port left to call a gateway from says so and calls the next one; it may call from several addresses."""

import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.namespaces import ROUTER, Network, gateway_address, missing, open_network

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PORT, ADMIN_PORT, PORTS, CLIENTS, WAIT_S = 9000, 7000, 20, 30, 60.0
SECOND_SOURCE = "10.2.0.250"


@pytest.fixture
def network() -> Iterator[Network]:
    """A router that has so few ports for the connections to one gateway, and two addresses to call from."""
    with open_network(gateways=2) as opened:
        opened.router.do(
            f"ip addr add {SECOND_SOURCE}/24 dev v{opened.gateways.name}",
        )
        with opened.router.inside():
            Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"40000 {40000 + PORTS - 1}")
        with opened.clients.inside():
            yield opened


def start(network: Network, gateways: int, **settings: str) -> None:
    hosts = [gateway_address(number) for number in range(1, gateways + 1)]
    for host in hosts:
        network.gateways.start([sys.executable, "-m", "tests.greeter", host, str(PORT), host])
    spots = ",".join(f"{host}:{PORT}" for host in hosts)
    members = {"MEMBERSHIP": "list", "READ_GATEWAYS": spots, "WRITE_GATEWAYS": spots}
    own = {"HOST": "0.0.0.0", "ADMIN_PORT": str(ADMIN_PORT), "PROBE_S": "60", "LOG_LEVEL": "error"} | members | settings
    network.router.start([sys.executable, "-m", "router"], {f"RINGPOST_{name}": value for name, value in own.items()})
    deadline = time.monotonic() + WAIT_S
    while sum(gateway["share"] > 0 for gateway in pool(network)) < gateways:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ask(network: Network, path: str) -> dict[str, Any]:
    with network.router.inside():
        sock = socket.socket()
    with sock:
        sock.settimeout(10)
        try:
            sock.connect(("127.0.0.1", ADMIN_PORT))
            line = HTTPConnection("router")
            line.sock = sock
            line.request("GET", path)
            told: dict[str, Any] = json.loads(line.getresponse().read())
        except OSError:
            return {}
    return told


def pool(network: Network) -> list[dict[str, Any]]:
    gateways: list[dict[str, Any]] = ask(network, "/status").get("pools", [{"gateways": []}])[0]["gateways"]
    return gateways


def taken(socks: list[socket.socket]) -> list[tuple[str, str]]:
    """Return for each who took it, and from which address it was called; nothing for one that was refused."""
    found = []
    for sock in socks:
        try:
            sock.sendall(b"who\n")
            name, caller = sock.recv(200).decode().split()
            found.append((name, caller))
        except (OSError, ValueError):
            continue
    return found


@contextmanager
def held(many: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(many)]
        for number, sock in enumerate(socks):
            sock.settimeout(30)
            sock.bind((f"10.50.1.{number + 1}", 0))
            with suppress(ConnectionResetError):  # refused so soon that this did not return before
                sock.connect((ROUTER, 8000))
        yield socks


def test_ports_that_run_out_are_told_of(network: Network) -> None:
    start(network, 1)
    with held(CLIENTS) as socks:
        served = len(taken(socks))

        assert PORTS - 3 <= served <= PORTS  # looks take ports too
        assert "read: out of ports to a gateway" in ask(network, "/ready")["degraded"]
        assert "read: out of ports to a gateway" in ask(network, "/status")["reasons"]


def test_the_next_gateway_takes_what_there_is_no_port_for(network: Network) -> None:
    start(network, 2, EPSILON="10")
    with held(CLIENTS) as socks:
        assert len(taken(socks)) == CLIENTS


def test_gateways_are_called_from_several_addresses_in_turn(network: Network) -> None:
    start(network, 1, RELAY_SOURCES=f"10.2.0.1,{SECOND_SOURCE}")
    with held(CLIENTS) as socks:
        callers = Counter(caller for _, caller in taken(socks))

    assert callers == {"10.2.0.1": CLIENTS // 2, SECOND_SOURCE: CLIENTS // 2}
