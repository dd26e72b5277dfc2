"""The WebSocket edge byte by byte, in a process of its own: RFC 6455 on the wire, and a clear end for who breaks it."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from shared import limits
from tests.bare_socket import BareSocket, Said, bare
from tests.client_frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, closing, frame, part
from tests.gateways import free_port, token

START_S = 20.0


@contextmanager
def echoing(*flags: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.echo", "--port", str(port), *flags])
    deadline = time.monotonic() + START_S
    while not is_open(port):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(START_S)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """An echo of bare texts."""
    with echoing() as port:
        yield port


@pytest.fixture(scope="module")
def gateway() -> Iterator[int]:
    """An echo whose sockets say hello, as a gateway's do."""
    with echoing("--hello") as port:
        yield port


def hello(**fields: object) -> bytes:
    return frame(TEXT, json.dumps({"type": "hello", "token": token("alice")} | fields).encode())


def greet(peer: BareSocket) -> None:
    peer.send(hello())
    said = peer.hear()
    assert said is not None
    assert json.loads(said.payload)["type"] == "welcome"


# What is right.


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, limits.HELLO_BYTES])
def test_a_text_of_any_size_comes_through(echo: int, size: int) -> None:
    with bare(echo) as peer:
        peer.send(frame(TEXT, b"x" * size))
        assert peer.hear() == Said(TEXT, b"x" * size)


def test_frames_in_the_segment_of_the_handshake_are_heard(echo: int) -> None:
    with bare(echo, frame(TEXT, b"early") + frame(PING, b"p")) as peer:
        assert peer.hear() == Said(TEXT, b"early")
        assert peer.hear() == Said(PONG, b"p")


def test_frames_in_slices_of_one_byte_are_heard(echo: int) -> None:
    with bare(echo) as peer:
        peer.send(part(TEXT, b"a") + frame(PING, b"p") + frame(CONT, b"b" * 200) + frame(TEXT, "é".encode()), cut=1)
        assert [peer.hear() for _ in range(3)] == [Said(PONG, b"p"), Said(TEXT, b"a" + b"b" * 200), Said(TEXT, "é".encode())]


def test_texts_and_pings_that_come_together_are_answered_in_their_order(echo: int) -> None:
    with bare(echo) as peer:
        peer.send(b"".join(frame(TEXT, b"%d" % n) + (frame(PING, b"%d" % n) if n % 8 == 0 else b"") for n in range(400)))
        for n in range(400):
            assert peer.hear() == Said(TEXT, b"%d" % n)
            if n % 8 == 0:
                assert peer.hear() == Said(PONG, b"%d" % n)


@pytest.mark.parametrize("goodbye", [b"", b"\x03\xe8", b"\x03\xe9away", b"\x0f\xa0" + "€".encode()])
def test_a_close_is_answered_by_its_like_and_nothing_follows(echo: int, goodbye: bytes) -> None:
    with bare(echo) as peer:
        peer.send(frame(TEXT, b"last") + frame(CLOSE, goodbye) + frame(TEXT, b"late") + frame(PING))
        assert peer.hear_all() == [Said(TEXT, b"last"), Said(CLOSE, goodbye)]


# What is not.

BROKEN = {
    "not masked": (b"\x81\x05Hello", 1002),
    "a reserved bit": (frame(TEXT, b"x", rsv=0x40), 1002),
    "an unknown opcode": (frame(3), 1002),
    "a fragmented ping": (part(PING), 1002),
    "a continuation of nothing": (frame(CONT, b"x"), 1002),
    "a text in a message": (part(TEXT, b"x") + frame(TEXT, b"y"), 1002),
    "a close code that nobody may send": (closing(1005), 1002),
    "binary": (frame(BINARY, b"\x00"), 1003),
    "not UTF-8": (frame(TEXT, b"\xff"), 1007),
    "a reason that is not UTF-8": (closing(1000, b"\xff"), 1007),
    "2^62 bytes": (b"\x81\xff\x40" + bytes(7), 1009),
    "fragments of too many bytes": (part(TEXT, b"x" * limits.HELLO_BYTES) + b"\x80\x81", 1009),
}


@pytest.mark.parametrize("name", BROKEN)
def test_who_breaks_the_rfc_is_told_the_code_and_nothing_follows(echo: int, name: str) -> None:
    data, code = BROKEN[name]
    with bare(echo) as peer:
        peer.send(frame(TEXT, b"before") + data + frame(TEXT, b"after") + frame(PING))
        before, last = peer.hear_all()
    assert before == Said(TEXT, b"before")
    assert last.code == code


def test_who_goes_on_sending_hears_all_the_same_why_it_was_closed(echo: int) -> None:
    with bare(echo) as peer:
        peer.send(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + bytes(4))
        for _ in range(64):
            peer.send(bytes(64 * 1024))
        assert [said.code for said in peer.hear_all()] == [1009]


# What a gateway adds.


@pytest.mark.parametrize(
    "text",
    [
        b'{"type": "send", "conversation": "%b", "id": "%b", "text": "\xff"}',
        b'{"type": "send", "conversation": "%b", "id": "%b", "text": "\xed\xa0\x80"}',
        b'{"type": "send", "conversation": "%b", "id": "%b\xc3", "text": "x"}',
        b'{"type": "send", "\xff": "%b", "id": "%b", "text": "x"}',
        b'\xa0{"type": "send", "conversation": "%b", "id": "%b", "text": "x"}',
    ],
)
def test_json_that_is_not_utf_8_is_1007_and_never_an_error_frame(gateway: int, text: bytes) -> None:
    data = frame(TEXT, text % (str(uuid4()).encode(), str(uuid4()).encode()))
    with bare(gateway) as early, bare(gateway) as late:
        greet(late)
        for peer in (early, late):
            peer.send(data)
            assert [said.code for said in peer.hear_all()] == [1007]


def test_only_the_hello_may_be_large(gateway: int) -> None:
    positions = {str(uuid4()): 1 for _ in range(8_000)}
    with bare(gateway) as peer:
        peer.send(hello(positions=positions))
        assert peer.hear() is not None
        peer.send(frame(TEXT, b'{"type":"ping"}'.ljust(limits.FRAME_BYTES)))
        assert peer.hear() == Said(TEXT, b'{"type":"pong"}')
        peer.send(frame(TEXT, b'{"type":"ping"}'.ljust(limits.FRAME_BYTES + 1)))
        assert [said.code for said in peer.hear_all()] == [1009]


def test_what_comes_after_the_frame_that_ends_a_socket_goes_nowhere(gateway: int) -> None:
    send = json.dumps({"type": "send", "conversation": str(uuid4()), "id": str(uuid4()), "text": "x"}).encode()
    with bare(gateway) as peer:
        greet(peer)
        peer.send(frame(TEXT, b"no") * limits.BAD_FRAMES + frame(TEXT, send) * 100 + frame(PING) + closing(1000))
        *errors, last = peer.hear_all()
    assert [json.loads(said.payload)["code"] for said in errors] == ["invalid"] * limits.BAD_FRAMES
    assert last.code == 4502


def test_pings_by_the_thousand_end_the_socket(gateway: int) -> None:
    with bare(gateway) as peer:
        greet(peer)
        peer.send(frame(PING, b"p") * 1_000)
        *pongs, last = peer.hear_all()
    assert len(pongs) < 300
    assert last.code == 4502
