"""TLS in front: what passes, whose address arrives, and whom the router believes."""

import datetime
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.proxy import encode
from tests.chat import make_logs
from tests.compose.docker import run
from tests.compose.stack import COMMAND_S, IMAGE, ROOT, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

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
    stack = Stack(tmp_path_factory.mktemp("tls"), "deploy/tls.yaml")
    stack.make_secrets()
    certificate = stack.secrets / "tls_certificate"
    certificate.write_bytes(make_certificate())
    certificate.chmod(0o644)
    stack.build("one", "migrate", "tls")
    try:
        stack.up(RINGPOST_READ="3")
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
    words = ["ring", "where", *served, "--url", stack.admin_url, "--json"]
    where = run([sys.executable, "-m", "deploy.cli", *words], stack.env | {"PYTHONPATH": str(ROOT)}, COMMAND_S)
    expected = {found["address"]: found["order"][0] for found in json.loads(where)["addresses"] if found["pool"] == "read"}

    assert served == expected


def test_the_router_believes_haproxy_alone(stack: Stack) -> None:
    claim = encode(("203.0.113.9", 1), ("203.0.113.1", 8000), None).hex()

    assert in_network(stack, CLAIM, "") == "HTTP/1.1 200"
    assert in_network(stack, CLAIM, claim) in ("", "ConnectionResetError")


def test_real_chat_passes_whole(stack: Stack, tmp_path: Path) -> None:
    urls = {f"RINGPOST_PUBLIC_{name}_URL": f"https://localhost:{stack.ports[f'TLS_{name}']}" for name in ("READ", "WRITE")}
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "replay", *map(str, make_logs(tmp_path, 2, 100)), "--json"],
        cwd=ROOT,
        env={"PATH": "", "RINGPOST_DATA": "/nowhere", "SSL_CERT_FILE": str(stack.secrets / "tls_certificate"), **urls},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)
    assert found["acknowledged"] == found["stored"] == found["sent"] > 150
    assert found["disconnects"] == found["lost"] == found["duplicated"] == found["out_of_order"] == 0
