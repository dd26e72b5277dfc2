"""The kernel's list of connections (ctnetlink): who has which, and how to end it. The home of netlink.

A connection that is taken off the list is judged anew at its client's next packet: it goes where its bucket is now, and whoever
has that, and knows nothing of the connection, answers with a reset.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

NETFILTER, SUBSYSTEM = 12, 1 << 8
NEW, GET, DELETE = SUBSYSTEM, SUBSYSTEM | 1, SUBSYSTEM | 2
REQUEST, ACK, DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
ORIGINAL, REPLY, STATUS, PROTOCOL_INFO = 1, 2, 3, 4
STATUS_MASK, ASSURED = 26, 4
SEEN_REPLY, TCP, ESTABLISHED = 2, 6, 3
TYPE = 0x3FFF
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
BUFFER, BATCH, TIMEOUT_S = 1 << 18, 256, 5.0
_HEADER, _GENERIC, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")
_ASSURED_ONLY = b"".join(struct.pack("=HH", 8, kind) + struct.pack(">I", ASSURED) for kind in (STATUS, STATUS_MASK))


class Place(NamedTuple):
    """An address, packed, and a port."""

    address: bytes
    port: int


class Flow(NamedTuple):
    """A TCP connection as it was made (*client* to *service*), and whom it went to (*gateway*)."""

    family: int
    client: Place
    service: Place
    gateway: Place
    is_answered: bool
    is_established: bool
    key: bytes


def list_flows(family: int, *, assured: bool = False) -> Iterator[Flow]:
    """Yield the TCP connections of *family* (4 or 6); raise OSError where the kernel does not tell.

    *assured*: spare those that nobody answered; kernels that know no such filter tell of all.
    """
    with _open() as line:
        line.send(_message(GET, REQUEST | DUMP, family, 1, _ASSURED_ONLY if assured else b""))
        for kind, body in _answers(line, 1):
            if kind == NEW and (flow := _read(family, body)) is not None:
                yield flow


def end_flows(flows: Iterable[Flow]) -> int:
    """Take *flows* off the list; return how many."""
    keys = [(flow.family, flow.key) for flow in flows]
    with _open() as line:
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            last = start + len(batch) - 1
            messages = (
                _message(DELETE, REQUEST | (ACK if n == last else 0), family, n + 1, key)
                for n, (family, key) in enumerate(batch, start)
            )
            line.send(b"".join(messages))
            for _ in _answers(line, last + 1):
                pass
    return len(keys)


def _open() -> socket.socket:
    line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
    line.settimeout(TIMEOUT_S)
    line.bind((0, 0))
    return line


def _message(kind: int, flags: int, family: int, number: int, body: bytes) -> bytes:
    size = _HEADER.size + _GENERIC.size + len(body)
    return _HEADER.pack(size, kind, flags, number, 0) + _GENERIC.pack(FAMILIES[family], 0, 0) + body


def _answers(line: socket.socket, last: int) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, attributes) until the answer to message *last* is whole; one that was gone already is no error."""
    while True:
        data, at = line.recv(BUFFER), 0
        while at < len(data):
            size, kind, _, number, _ = _HEADER.unpack_from(data, at)
            if kind == ERROR:
                code = struct.unpack_from("=i", data, at + _HEADER.size)[0]
                if code not in (0, -2):
                    raise OSError(-code, "the kernel's list of connections")
            if kind in (ERROR, DONE) and number == last:
                return
            yield kind, data[at + _HEADER.size + _GENERIC.size : at + size]
            at += (size + 3) & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind & TYPE] = data[at + 4 : at + size]
        at += (size + 3) & ~3
    return found


def _read(family: int, data: bytes) -> Flow | None:
    told = _attributes(data)
    made, answer = _ends(told[ORIGINAL]), _ends(told[REPLY])
    if made is None or answer is None:
        return None
    status = int.from_bytes(told.get(STATUS, b""), "big")
    info = _attributes(_attributes(told.get(PROTOCOL_INFO, b"")).get(1, b""))
    is_established = info.get(1, b"\0")[0] == ESTABLISHED
    key = _ATTRIBUTE.pack(4 + len(told[ORIGINAL]), ORIGINAL | 0x8000) + told[ORIGINAL]
    return Flow(family, *made, answer[0], bool(status & SEEN_REPLY), is_established, key)


def _ends(data: bytes) -> tuple[Place, Place] | None:
    """Return the two ends that a tuple names; None: it is not TCP's."""
    told = _attributes(data)
    addresses, ports = list(_attributes(told[1]).values()), _attributes(told[2])
    if ports[1][0] != TCP:
        return None
    return Place(addresses[0], int.from_bytes(ports[2], "big")), Place(addresses[1], int.from_bytes(ports[3], "big"))
