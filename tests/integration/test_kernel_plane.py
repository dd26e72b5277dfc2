"""A router in the kernel plane between clients and gateways, each in a namespace of its own."""

import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address

import pytest

from router import nft
from router.conntrack import end_flows, list_flows
from router.netfilter import map_name
from router.ring import parse_address
from router.table import Shape, make_table
from tests.namespaces import ROUTER, ROUTER6, Network, gateway_address, missing, open_network

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PORT, WAIT_S = 9000, 60.0
SHAPE = Shape(buckets=4096)
SETTINGS = {
    "RINGPOST_PLANE": "kernel",
    "RINGPOST_HOST": "0.0.0.0",
    "RINGPOST_MEMBERSHIP": "list",
    "RINGPOST_BUCKETS": str(SHAPE.buckets),
    "RINGPOST_PROBE_S": "0.1",
    "RINGPOST_PROBE_TIMEOUT_S": "0.5",
}


@pytest.fixture
def network() -> Iterator[Network]:
    with open_network(gateways=4) as opened:
        yield opened


def spots(count: int, family: int = 4) -> str:
    hosts = [gateway_address(n, family) for n in range(1, count + 1)]
    return ",".join(f"[{host}]:{PORT}" if family == 6 else f"{host}:{PORT}" for host in hosts)


def name_of(number: int) -> str:
    return f"{gateway_address(number)}:{PORT}"


def start_gateways(network: Network, count: int, family: int = 4) -> list[subprocess.Popen[bytes]]:
    return [start_gateway(network, number, family) for number in range(1, count + 1)]


def start_gateway(network: Network, number: int, family: int = 4) -> subprocess.Popen[bytes]:
    host = gateway_address(number, family)
    return network.gateways.start([sys.executable, "-m", "tests.greeter", host, str(PORT), f"{host}:{PORT}"])


def start_router(network: Network, count: int, *, family: int = 4, **settings: str) -> subprocess.Popen[bytes]:
    own = {"READ_GATEWAYS": spots(count, family), "WRITE_GATEWAYS": spots(count, family)} | settings
    environment = SETTINGS | {f"RINGPOST_{name}": value for name, value in own.items()}
    return network.router.start([sys.executable, "-m", "router"], environment)


def wait_until_filled(network: Network, names: Sequence[str], family: int = 4) -> None:
    """Wait until the kernel's map of the pool read has the gateways *names*, and them alone."""
    deadline, seen = time.monotonic() + WAIT_S, set[str]()
    while time.monotonic() < deadline:
        with network.router.inside(), suppress(nft.KernelError):  # nothing may be there yet
            seen = {place(address, port) for address, port in nft.read_map(map_name("read", family)).values()}
        if seen == set(names):
            return
        time.sleep(0.05)
    raise AssertionError(f"the kernel has {seen}")


def place(address: IPv4Address | IPv6Address, port: int) -> str:
    return f"{address}:{port}"


@contextmanager
def connected(network: Network, source: str, port: int = 8000) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with network.clients.inside():
        sock = socket.socket(family, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(30)
        sock.bind((source, 0))
        sock.connect((ROUTER6 if ":" in source else ROUTER, port))
        yield sock


def ask(sock: socket.socket) -> tuple[str, str]:
    """Return the gateway's name, and the client's address as it sees it."""
    sock.sendall(b"who\n")
    name, address = sock.recv(200).decode().split()
    return name, address


def sources(many: int) -> list[str]:
    return [f"10.50.{n // 250}.{n % 250 + 1}" for n in range(many)]


def asked(network: Network, many: int) -> dict[str, str]:
    """Return who takes a new connection of each of so many addresses."""
    taken = {}
    for source in sources(many):
        with connected(network, source) as sock:
            taken[source], seen = ask(sock)
            assert seen == source
    return taken


def owners(count: int, *, without: int = 0) -> dict[str, int]:
    return {name_of(n): 1 for n in range(1, count + 1) if n != without}


def expected(weights: dict[str, int], many: int) -> dict[str, str]:
    table = make_table(weights, SHAPE)
    return {source: table.owner(table.bucket(parse_address(source))) for source in sources(many)}


def test_each_address_goes_to_the_gateway_of_its_bucket_which_sees_its_address(network: Network) -> None:
    start_gateways(network, 3)
    start_router(network, 3)
    wait_until_filled(network, list(owners(3)))

    assert asked(network, 200) == expected(owners(3), 200)


def test_an_ipv6_client_keeps_its_gateway_within_its_64(network: Network) -> None:
    start_gateways(network, 3, 6)
    start_router(network, 3, family=6, HOST="::")
    wait_until_filled(network, [f"{gateway_address(n, 6)}:{PORT}" for n in (1, 2, 3)], 6)
    taken = Counter[tuple[str, str]]()
    for n in range(20):
        for end in (1, 2, 3):
            with connected(network, f"fd50::{n:x}:0:0:0:{end}") as sock:
                taken[f"{n}", ask(sock)[0]] += 1

    assert set(taken.values()) == {3}
    assert len({name for _, name in taken}) == 3


def test_when_a_gateway_dies_its_connections_are_reset_at_the_next_packet_and_no_others(network: Network) -> None:
    gateways = start_gateways(network, 3)
    start_router(network, 3)
    wait_until_filled(network, list(owners(3)))
    with held(network, 60) as socks:
        taken = {source: ask(sock)[0] for source, sock in socks.items()}
        network.gateways.do(f"ip addr del {gateway_address(2)}/24 dev v{network.router.name}")
        gateways[1].kill()
        wait_until_filled(network, list(owners(3, without=2)))
        wait_until_reset(network, 2)

        for source, sock in socks.items():
            if taken[source] == name_of(2):
                with pytest.raises(ConnectionResetError):
                    ask(sock)
            else:
                assert ask(sock)[0] == taken[source]
    assert asked(network, 60) == expected(owners(3, without=2), 60)


@pytest.mark.slow
def test_a_hung_gateways_connections_are_reset(network: Network) -> None:
    gateways = start_gateways(network, 2)
    start_router(network, 2)
    wait_until_filled(network, list(owners(2)))
    with held(network, 20) as socks:
        taken = {source: ask(sock)[0] for source, sock in socks.items()}
        gateways[0].send_signal(signal.SIGSTOP)
        wait_until_filled(network, [name_of(2)])
        wait_until_reset(network, 1)

        for source, sock in socks.items():
            if taken[source] == name_of(1):
                with pytest.raises(ConnectionResetError):
                    ask(sock)
            else:
                assert ask(sock)[0] == name_of(2)


@pytest.mark.slow
def test_a_newcomer_gets_its_share_of_new_connections_and_breaks_none(network: Network) -> None:
    start_gateways(network, 2)
    start_router(network, 3)
    wait_until_filled(network, list(owners(2)))
    with held(network, 60) as socks:
        taken = {source: ask(sock)[0] for source, sock in socks.items()}
        start_gateway(network, 3)
        wait_until_filled(network, list(owners(3)))

        assert {source: ask(sock)[0] for source, sock in socks.items()} == taken
    assert asked(network, 60) == expected(owners(3), 60)


def test_without_the_router_the_kernel_goes_on_and_the_next_one_adopts_what_is_there(network: Network) -> None:
    gateways = start_gateways(network, 3)
    router = start_router(network, 3)
    wait_until_filled(network, list(owners(3)))
    with held(network, 30) as socks:
        taken = {source: ask(sock)[0] for source, sock in socks.items()}
        router.kill()
        router.wait()
        assert asked(network, 30) == taken
        with network.router.inside():
            handle = chain_handles()

        gateways[0].kill()
        start_router(network, 3)
        wait_until_filled(network, list(owners(3, without=1)))

        with network.router.inside():
            assert chain_handles() == handle, "the rules were made anew"
        assert {s: ask(sock)[0] for s, sock in socks.items() if taken[s] != name_of(1)} == {
            source: name for source, name in taken.items() if name != name_of(1)
        }


@pytest.mark.slow
def test_a_table_that_somebody_flushed_is_made_anew(network: Network) -> None:
    start_gateways(network, 2)
    start_router(network, 2)
    wait_until_filled(network, list(owners(2)))

    network.router.do("nft flush ruleset")

    wait_until_filled(network, list(owners(2)))
    assert asked(network, 20) == expected(owners(2), 20)


@pytest.mark.slow
def test_a_standby_router_carries_what_has_not_moved_and_resets_what_has(network: Network) -> None:
    """What the standby's kernel has never seen goes where its bucket is now."""
    gateways = start_gateways(network, 3)
    start_router(network, 3)
    wait_until_filled(network, list(owners(3)))
    with held(network, 40) as socks:
        taken = {source: ask(sock)[0] for source, sock in socks.items()}
        gateways[2].kill()
        wait_until_filled(network, list(owners(3, without=3)))
        start_gateway(network, 3)
        moved = {source for source, name in taken.items() if name == name_of(3)}
        with network.router.inside():
            forget_connections()  # the standby knows of none
        wait_until_filled(network, list(owners(3)))

        for source in taken.keys() - moved:
            assert ask(socks[source])[0] == taken[source]
        for source in moved:
            with pytest.raises((ConnectionResetError, ValueError)):
                ask(socks[source])


@pytest.mark.slow
def test_one_address_that_has_too_many_connections_is_divided(network: Network) -> None:
    start_gateways(network, 3)
    start_router(network, 3)
    wait_until_filled(network, list(owners(3)))
    with many_of_one(network, "10.50.8.8", 150):
        wait_until_hot(network, "10.50.8.8")
        with many_of_one(network, "10.50.8.8", 60) as more:
            assert len({ask(sock)[0] for sock in more}) == 3
    assert asked(network, 20) == expected(owners(3), 20)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PATH": "/nowhere"}, "nft is not installed"),
        ({"RINGPOST_HOST": "router.example"}, "needs an IP address"),
    ],
)
def test_what_is_missing_is_said_at_the_start(settings: dict[str, str], said: str) -> None:
    own = {"RINGPOST_READ_GATEWAYS": "10.2.0.11:1", "RINGPOST_WRITE_GATEWAYS": "10.2.0.11:1"}
    pythonless = SETTINGS | own | settings
    monkeyed = [sys.executable, "-c", "import router.nft as n; n.PLACES = (); import router.__main__ as m; m.main()"]

    done = subprocess.run(monkeyed, env=pythonless, capture_output=True, text=True, timeout=30)

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_gateway_whose_answers_go_elsewhere_is_told_of(network: Network) -> None:
    start_gateways(network, 2)
    network.gateways.do(f"ip rule add from {gateway_address(2)} to 192.0.2.0/24 blackhole")
    start_router(network, 2, ADMIN_PORT="7000")
    wait_until_filled(network, list(owners(2)))

    deadline = time.monotonic() + WAIT_S
    while "do not come back" not in (said := ready(network)) or not said.startswith("HTTP/1.1 200"):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


@contextmanager
def held(network: Network, many: int) -> Iterator[dict[str, socket.socket]]:
    """Hold a connection from each of so many addresses."""
    socks: dict[str, socket.socket] = {}
    try:
        for source in sources(many):
            socks[source] = open_one(network, source)
        yield socks
    finally:
        for sock in socks.values():
            sock.close()


@contextmanager
def many_of_one(network: Network, source: str, many: int) -> Iterator[list[socket.socket]]:
    socks = [open_one(network, source) for _ in range(many)]
    try:
        yield socks
    finally:
        for sock in socks:
            sock.close()


def open_one(network: Network, source: str) -> socket.socket:
    with connected(network, source) as sock:
        return sock.dup()


def wait_until_reset(network: Network, number: int) -> None:
    """Wait until the kernel's list has no connection to a gateway."""
    address, deadline = parse_address(gateway_address(number)).packed, time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with network.router.inside():
            left = [flow for flow in list_flows(4) if flow.gateway.address == address and flow.service.port == 8000]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"{len(left)} are left")


def wait_until_hot(network: Network, address: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with network.router.inside():
            if parse_address(address) in nft.read_set("read_hot4"):
                return
        time.sleep(0.1)
    raise AssertionError("it is not hot")


def forget_connections() -> None:
    end_flows([flow for flow in list_flows(4) if flow.service.port == 8000])


def chain_handles() -> str:
    return subprocess.run(["/usr/sbin/nft", "-a", "list", "chains"], capture_output=True, text=True, check=True).stdout


def ready(network: Network) -> str:
    with network.router.inside():
        sock = socket.socket()
    with sock:
        sock.settimeout(30)
        sock.connect(("127.0.0.1", 7000))
        sock.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
        said = b""
        while part := sock.recv(4096):
            said += part
        return said.decode()
