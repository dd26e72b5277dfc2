"""Thousands of established connections through each data plane while the pool changes: who is broken, and who moves."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from ipaddress import IPv4Address
from typing import Any

import pytest

from router.table import Shape, Table, make_table
from tests.namespaces import ROUTER, Network, gateway_address, missing, open_network

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

HELD, NEW, GATEWAYS = 10_000, 500, 5
PORT, ADMIN_PORT, WAIT_S = 9000, 7000, 90.0
NAMES = [f"{gateway_address(number)}:{PORT}" for number in range(1, GATEWAYS + 1)]
FIRST, SECOND, THIRD, _, LAST = NAMES
SETTINGS = {
    "RINGPOST_HOST": "0.0.0.0",
    "RINGPOST_ADMIN_PORT": str(ADMIN_PORT),
    "RINGPOST_MEMBERSHIP": "list",
    "RINGPOST_READ_GATEWAYS": ",".join(NAMES),
    "RINGPOST_WRITE_GATEWAYS": ",".join(NAMES),
    "RINGPOST_RELAY_WORKERS": "2",
    "RINGPOST_EPSILON": "10",  # nobody is ever full: what moves is the ring's share
    "RINGPOST_LOG_LEVEL": "warning",
}


class Pool:
    """Greeters behind a router, each of which may be told to be away in a moment."""

    def __init__(self, network: Network, plane: str) -> None:
        self._network = network
        self._greeters: dict[str, subprocess.Popen[bytes]] = {}
        network.router.do("sysctl -qw net.core.somaxconn=16384")
        for name in NAMES[:-1]:
            self.start(name)
        network.router.start([sys.executable, "-m", "router"], SETTINGS | {"RINGPOST_PLANE": plane})

    def start(self, name: str) -> None:
        host, _, port = name.partition(":")
        self._greeters[name] = self._network.gateways.start([sys.executable, "-m", "tests.greeter", host, port, name])

    def signal(self, name: str, number: signal.Signals) -> None:
        self._greeters[name].send_signal(number)

    def wait_until_served_by(self, *names: str) -> Table:
        """Wait until all that carries connections does it by the table of *names*; return that."""
        table, deadline = make_table(dict.fromkeys(names, 1), Shape()), time.monotonic() + WAIT_S
        while not self._serves(told := self._status(), table.signature):
            assert time.monotonic() < deadline, (names, told.get("reasons"), told.get("pools"))
            time.sleep(0.2)
        return table

    def _serves(self, told: Mapping[str, Any], signature: str) -> bool:
        if not told or any("kernel" in reason for reason in told["reasons"]):
            return False
        workers = [worker["signatures"].get("read") for worker in told["workers"]]
        return {told["pools"][0]["signature"], *workers} == {signature}

    def _status(self) -> dict[str, Any]:
        with self._network.router.inside():
            sock = socket.socket()
        with sock:
            sock.settimeout(10)
            try:
                sock.connect(("127.0.0.1", ADMIN_PORT))
                line = HTTPConnection("router")
                line.sock = sock
                line.request("GET", "/status")
                told: dict[str, Any] = json.loads(line.getresponse().read())
            except OSError:
                return {}
        return told


@pytest.fixture(params=["kernel", "relay"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with open_network(GATEWAYS) as network:
        pool = Pool(network, request.param)
        with network.clients.inside():
            yield pool


def address(number: int) -> str:
    return f"10.50.{number // 250}.{number % 250 + 1}"


def call(source: str) -> socket.socket:
    sock = socket.socket()
    sock.settimeout(30)
    sock.bind((source, 0))
    sock.connect((ROUTER, 8000))
    return sock


def who(sock: socket.socket) -> str:
    """Return whose connection it is; nobody's if it has ended."""
    try:
        sock.sendall(b"who\n")
        return sock.recv(200).decode().partition(" ")[0]
    except OSError:
        return ""


@contextmanager
def established() -> Iterator[dict[str, socket.socket]]:
    with ExitStack() as stack:
        yield {source: stack.enter_context(call(source)) for source in map(address, range(HELD))}


def asked(sources: Sequence[str]) -> dict[str, str]:
    """Return who takes a new connection of each."""
    taken = {}
    for source in sources:
        with call(source) as sock:
            taken[source] = who(sock)
    return taken


def owners(table: Table, sources: Sequence[str]) -> dict[str, str]:
    return {source: table.owner(table.bucket(IPv4Address(source))) for source in sources}


def test_ten_thousand_connections_stay_and_of_new_ones_the_rings_share_moves(
    pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Join, drain, flap, kill; after each, all that stand are asked, and new ones come from the same addresses."""
    sources, told = [address(HELD + number) for number in range(NEW)], []
    table = pool.wait_until_served_by(*NAMES[:-1])
    taken = asked(sources)
    assert taken == owners(table, sources)
    with established() as socks:
        stand = {source: who(sock) for source, sock in socks.items()}
        assert stand == owners(table, list(socks))

        def change(what: str, *names: str) -> None:
            nonlocal table, taken
            before, table = table, pool.wait_until_served_by(*names)
            moves, now = before.difference(table), asked(sources)
            moved = {source for source in sources if now[source] != taken[source]}
            assert now == owners(table, sources)
            assert moved == {source for source in sources if table.bucket(IPv4Address(source)) in moves}
            taken = now
            told.append(f"{what}: {len(moved)} of {NEW} new ones moved, {len(moves) / table.shape.buckets:.1%} of the buckets")

        def broken() -> set[str]:
            return {source for source, sock in socks.items() if who(sock) != stand[source]}

        pool.start(LAST)
        change("join", *NAMES)
        assert not broken()

        pool.signal(SECOND, signal.SIGUSR1)
        change("drain", *(name for name in NAMES if name != SECOND))
        assert not broken()

        pool.signal(THIRD, signal.SIGUSR2)
        change("not ready", *(name for name in NAMES if name not in (SECOND, THIRD)))
        pool.signal(THIRD, signal.SIGUSR2)
        change("ready again", *(name for name in NAMES if name != SECOND))
        assert not broken()

        pool.signal(FIRST, signal.SIGKILL)
        change("kill", *(name for name in NAMES if name not in (FIRST, SECOND)))
        lost = broken()
        assert lost == {source for source, name in stand.items() if name == FIRST}
        told.append(f"of {HELD:,} established connections {len(lost):,} ended: those of the one that was killed")
    with capsys.disabled():
        print("", *told, sep="\n")
