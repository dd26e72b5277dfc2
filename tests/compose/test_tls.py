"""TLS in front: what passes, whose address arrives, and whom the router believes."""

import datetime
import json
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from random import randrange

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.proxy import encode
from tests.compose.docker import run
from tests.compose.stack import COMMAND_S, IMAGE, Stack
from tests.compose.talking import Talking

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
UPGRADED, WATCHERS = ("router", "write", "read"), 60

# What a client in a container of its own says of where it is and of who served it.
LOOK = """
import socket, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
with context.wrap_socket(socket.create_connection(("tls", 8443), 10)) as s:
    s.sendall(b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    told = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    print(s.getsockname()[0], told.split('ringpost_info{', 1)[1].split('name="')[1].split('"')[0])
"""
CLAIM = """
import socket, sys
with socket.create_connection(("router", 8000), 10) as s:
    s.sendall(bytes.fromhex(sys.argv[1]) + b"GET /ready HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    try:
        print(s.recv(100)[:12].decode())
    except OSError as error:
        print(type(error).__name__)
"""


def make_certificate() -> bytes:
    """Return a certificate of localhost that nobody but itself vouches for, and its key, as PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(names, critical=False).add_extension(x509.BasicConstraints(True, None), critical=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + private


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with TLS in front, of three read gateways."""
    stack = Stack(
        tmp_path_factory.mktemp("tls"), "deploy/tls.yaml", RINGPOST_READ="3", RINGPOST_EDGE=f"10.213.{randrange(256)}"
    )
    stack.make_secrets()
    certificate = stack.secrets / "tls_certificate"
    certificate.write_bytes(make_certificate())
    certificate.chmod(0o644)
    stack.build("one", "migrate", "tls")
    try:
        stack.up()
        yield stack
    finally:
        stack.close()
    assert stack.leftovers() == []


def in_network(stack: Stack, code: str, *words: str) -> str:
    """Run *code* in a container of its own beside the router."""
    network = f"{stack.project}_front"
    words = ("docker", "run", "--rm", "--network", network, IMAGE, "python", "-c", code, *words)
    return run(words, stack.env, COMMAND_S).strip()


def test_the_router_is_reached_by_tls_and_not_without(stack: Stack) -> None:
    verified = ssl.create_default_context(cafile=stack.secrets / "tls_certificate")
    for port in ("TLS_READ", "TLS_WRITE"):
        url = f"https://localhost:{stack.ports[port]}"
        assert httpx.get(f"{url}/ready", verify=verified).status_code == 200
        assert httpx.get(f"{url}/config", verify=verified).json()["read"] == f"https://localhost:{stack.ports['TLS_READ']}"
    for port in ("READ", "WRITE"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", stack.ports[port]), 5)


def test_each_client_is_pinned_by_its_own_address(stack: Stack) -> None:
    served = dict(in_network(stack, LOOK).split() for _ in range(5))
    where = stack.compose(
        "exec", "-T", "router", "ringpost", "ring", "where", *served, "--url", "http://127.0.0.1:9000", "--json"
    )
    expected = {found["address"]: found["order"][0] for found in json.loads(where)["addresses"] if found["pool"] == "read"}

    assert served == expected


def test_the_router_believes_haproxy_alone(stack: Stack) -> None:
    claim = encode(("203.0.113.9", 1), ("203.0.113.1", 8000), None).hex()

    assert in_network(stack, CLAIM, "") == "HTTP/1.1 200"
    assert in_network(stack, CLAIM, claim) in ("", "ConnectionResetError")


def test_an_upgrade_of_all_services_under_many_readers_costs_nobody_a_message_or_a_socket(stack: Stack, tmp_path: Path) -> None:
    urls = {f"RINGPOST_{name}_URL": f"https://localhost:{stack.ports[f'TLS_{name}']}" for name in ("READ", "WRITE")}
    trust = {"SSL_CERT_FILE": str(stack.secrets / "tls_certificate")}
    talking = Talking(stack, tmp_path, logs=3, lines=300, watchers=WATCHERS, seconds=120, **urls, **trust)
    before = {id for service in UPGRADED for id in stack.containers(service)}
    stack.build("two")
    talking.keep_on()
    stack.roll()
    for service in ("redis", "postgres"):
        talking.keep_on()
        stack.compose("up", "--detach", "--no-deps", "--force-recreate", "--wait", service)
    talking.finish()

    after = [id for service in UPGRADED for id in stack.containers(service)]
    talking.report("upgraded", {"containers": len(after) + 2, "watchers": WATCHERS})
    assert talking.faults() == dict.fromkeys(talking.faults(), 0), (talking.words(), stack.logs())
    assert talking.total("disconnects") == talking.total("reconnects") == talking.total("refused") == 0
    assert talking.without_socket_ms == 0
    assert talking.total("moves") >= WATCHERS
    assert (len(after), before & set(after)) == (len(before), set())
    labels = [stack.inspect(id)["Config"]["Labels"]["org.opencontainers.image.revision"] for id in after]
    assert set(labels) == {"two"}
