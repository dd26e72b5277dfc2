"""PROXY protocol v2: how a router tells a gateway whose connection it is. The home of proxyprotocol.

A router and its gateways may share an address with strangers, so the header carries a secret (TLV 0xE0, of those free for use).
"""

import hmac
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AddressFamily

from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.result import ProxyResultIPv4, ProxyResultIPv6
from proxyprotocol.v2 import ProxyProtocolV2

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HEADER_BYTES = 16
MOST_BYTES = 536
SECRET_TYPE = 0xE0
PROXIED, TCP4, TCP6 = 0x21, 0x11, 0x21

Address = tuple[str, int]


class ProxyError(Exception):
    """What should be a PROXY header is none."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header said: the client (None: the router's own connection), the secret, and how many bytes it took."""

    client: Address | None
    secret: bytes
    size: int

    def proves(self, secret: str) -> bool:
        """Say whether it carries *secret*, in a time that does not tell where they differ."""
        return hmac.compare_digest(self.secret, secret.encode())


def encode(source: Address, destination: Address, secret: str | None) -> bytes:
    """Return the header for a connection from *source* to *destination*: by hand, proxyprotocol takes ten times as long."""
    from_ip, to_ip = _plain(source[0]), _plain(destination[0])
    if from_ip.version != 4 or to_ip.version != 4:
        from_ip, to_ip = _as_v6(from_ip), _as_v6(to_ip)
    body = from_ip.packed + to_ip.packed + struct.pack("!HH", source[1], destination[1])
    if secret:
        body += struct.pack("!BH", SECRET_TYPE, len(secret.encode())) + secret.encode()
    return SIGNATURE + struct.pack("!BBH", PROXIED, TCP4 if from_ip.version == 4 else TCP6, len(body)) + body


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Return *address*; an IPv4 address in IPv6's clothes is an IPv4 address."""
    ip = ip_address(address)
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _as_v6(ip: IPv4Address | IPv6Address) -> IPv6Address:
    return ip if isinstance(ip, IPv6Address) else IPv6Address(f"::ffff:{ip}")


def parse(data: bytes) -> Header | None:
    """Return the header that *data* begins with; None: more is needed.

    Raises:
        ProxyError: it is none, is not TCP's, or is larger than we take.
    """
    if data[: len(SIGNATURE)] != SIGNATURE[: len(data)]:
        raise ProxyError("no signature")
    if len(data) < HEADER_BYTES:
        return None
    size = HEADER_BYTES + int.from_bytes(data[14:16], "big")
    if size > MOST_BYTES:
        raise ProxyError("too large")
    if len(data) < size:
        return None
    try:
        result = ProxyProtocolV2().unpack(data[:size])
    except (ProxyProtocolIncompleteError, struct.error, ValueError) as error:
        raise ProxyError("not a header") from error
    secret = bytes(result.tlv.get(SECRET_TYPE, b""))
    if result.family not in (AddressFamily.AF_INET, AddressFamily.AF_INET6):
        return Header(None, secret, size)
    assert isinstance(result, ProxyResultIPv4 | ProxyResultIPv6)
    return Header((str(result.source[0]), result.source[1]), secret, size)
