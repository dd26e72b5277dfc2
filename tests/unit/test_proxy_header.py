"""PROXY protocol v2 headers, read byte by byte and from strangers."""

import pytest

from shared.proxy import Header, ProxyError, encode, parse

CLIENT, SERVER = ("192.0.2.7", 4711), ("192.0.2.1", 8000)


def test_a_header_is_read_as_it_was_written_and_leaves_what_follows() -> None:
    header = encode(CLIENT, SERVER, "secret")

    assert parse(header + b"GET / HTTP/1.1\r\n") == Header(CLIENT, b"secret", len(header))


def test_a_header_that_comes_byte_by_byte_wants_more_until_it_is_whole() -> None:
    header = encode(CLIENT, SERVER, "secret")

    assert all(parse(header[:n]) is None for n in range(1, len(header)))


@pytest.mark.parametrize(
    ("source", "seen"),
    [(("2001:db8::7", 1), ("2001:db8::7", 1)), (("::ffff:192.0.2.7", 1), ("192.0.2.7", 1))],
)
def test_ipv6_comes_as_itself_and_mapped_ipv4_as_ipv4(source: tuple[str, int], seen: tuple[str, int]) -> None:
    destination = ("::1", 80) if source == seen else SERVER
    header = parse(encode(source, destination, None))

    assert header is not None
    assert header.client == seen


def test_only_the_right_secret_proves_the_router() -> None:
    header = parse(encode(CLIENT, SERVER, "secret"))

    assert header is not None
    assert header.proves("secret")
    assert not header.proves("other")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        encode(CLIENT, SERVER, None)[:14] + b"\xff\xff" + b"x" * 600,
        encode(CLIENT, SERVER, None)[:12] + b"\x99" + encode(CLIENT, SERVER, None)[13:],
        encode(CLIENT, SERVER, None)[:14] + b"\x00\x02ab",
    ],
    ids=["http", "v1", "too large", "unknown version", "addresses cut off"],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(ProxyError):
        parse(data)
