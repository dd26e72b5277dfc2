"""What hostile bytes get from a gateway's HTTP edge: a real uvicorn on a real socket, with short deadlines."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Any

import pytest
import structlog
import uvicorn
from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CollectorRegistry

from shared import limits, proxy
from shared.auth import Authenticator, sign
from shared.web.app import create_app
from shared.web.body import Caller, json_body
from shared.web.dev_tokens import dev_token_routes
from shared.web.fields import Body, Parameters, QueryLimit, QuerySeq, Seq, Text, User, Uuid
from shared.web.http_policy import HttpPolicy
from shared.web.http_protocol import make_http_protocol
from shared.web.origins import Origins, default_origins
from shared.web.patience import Timeouts

KEY, ADMIN_KEY, SECRET = "k" * 32, "rpa_" + "a" * 32, "a secret of the routers"
CONVERSATION = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"
CANARY = "canary7731"
SHORT = Timeouts(head_s=0.6, body_s=0.6, keep_alive_s=1.2, unread_s=1.0, linger_s=0.4)
PROXY = proxy.encode(("198.51.100.7", 4567), ("127.0.0.1", 8000), SECRET)


class Message(Body):
    id: Uuid
    text: Text
    count: Seq = 0
    ratio: float = 1.0
    members: tuple[User, ...] = ()
    positions: dict[Uuid, Seq] | None = None
    anything: Any = None


class Range(Parameters):
    after: QuerySeq | None = None
    before: QuerySeq | None = None
    limit: QueryLimit = limits.PAGE_EVENTS_DEFAULT


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/conversations/{conversation}/messages")
    async def send(conversation: Uuid, who: Caller, body: Annotated[Message, json_body(Message)]) -> dict[str, str]:
        return {"conversation": str(conversation), "sender": who.user, "text": body.text}

    @router.get("/v1/conversations/{conversation}/events")
    async def read(conversation: Uuid, who: Caller, query: Annotated[Range, Query()]) -> dict[str, int | None]:
        return query.model_dump()

    @router.get("/client")
    async def client(request: Request) -> list[str | int]:
        assert request.client is not None
        return [request.client.host, request.client.port]

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError(CANARY)

    @router.get("/large")
    async def large() -> Response:
        return Response(b"x" * (32 << 20))

    return router


class Handed:
    """Stands where the WebSocket class stands: says whom it serves, then echoes all bytes that it is given."""

    client: tuple[str, int] | None = None

    def __init__(self, config: object, server_state: object, app_state: object) -> None:
        pass

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(b"client %r\n" % (self.client,))

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def eof_received(self) -> None:
        pass

    def connection_lost(self, error: Exception | None) -> None:
        pass


@dataclass
class Served:
    port: int
    policy: HttpPolicy

    def talk(self, data: bytes, *, slices: int = 0) -> bytes:
        """Send *data* (in slices of so many bytes) and return all that comes until the other side closes."""
        with self.connect() as peer:
            if slices:
                for start in range(0, len(data), slices):
                    peer.sendall(data[start : start + slices])
            else:
                peer.sendall(data)
            return read_all(peer)

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield peer

    def post(self, body: bytes, *headers: str) -> "Answer":
        return parse(self.talk(make_post(body, *headers)))

    def get(self, path: str, *headers: str) -> "Answer":
        return parse(self.talk(make_get(path, *headers)))


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The problem's code; everything else that a problem document promises is checked on the way."""
        problem = json.loads(self.body)
        assert self.headers["content-type"] == "application/problem+json"
        assert problem["status"] == self.status
        assert problem["retryable"] == ("retry-after" in self.headers) == ("retry_after" in problem)
        assert len(self.body) < 4096
        assert CANARY.encode() not in self.body
        code: str = problem["code"]
        return code


def read_all(peer: socket.socket) -> bytes:
    chunks = []
    try:
        while chunk := peer.recv(1 << 20):
            chunks.append(chunk)
    except ConnectionResetError:
        pass
    return b"".join(chunks)


def parse(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


def make_get(path: str, *headers: str) -> bytes:
    connection = [] if any(line.startswith("Connection:") for line in headers) else ["Connection: close"]
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *connection, *headers, "", ""]).encode("latin-1")


def make_post(body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST /v1/conversations/{CONVERSATION}/messages HTTP/1.1",
        "Host: x",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(headers or ("Content-Type: application/json", f"Authorization: Bearer {token()}")),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1") + body


def token(user: str = "alice", ago_s: float = 0) -> str:
    return sign(KEY, user, 600, time.time() - ago_s)


def message(**more: Any) -> bytes:
    return json.dumps({"id": CONVERSATION, "text": "hello"} | more).encode()


def raw_message(field: bytes) -> bytes:
    return b'{"id":"%b","text":"hello",%b}' % (CONVERSATION.encode(), field)


@contextmanager
def serve(policy: HttpPolicy, *, reasons: Callable[[], list[str]] = list) -> Iterator[Served]:
    app = create_app(
        title="Ringpost test",
        version="0",
        authenticator=Authenticator(KEY, "HS256", ADMIN_KEY),
        origins=Origins(default_origins("http://localhost:8000", "http://localhost:8001")),
        ready=reasons,
        degraded=lambda: ["redis"],
        registry=CollectorRegistry(),
    )
    app.include_router(routes())
    app.include_router(dev_token_routes(KEY))
    config = uvicorn.Config(
        app,
        http=make_http_protocol(policy),
        ws=Handed,  # type: ignore[arg-type]  # it has what uvicorn calls, and no more
        loop="uvloop",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield Served(listener.getsockname()[1], policy)
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def edge() -> Iterator[Served]:
    with serve(HttpPolicy([], SECRET, 1_000, timeouts=SHORT)) as served:
        yield served


# Connections.

HEAD = b"GET /live HTTP/1.1\r\nHost: x\r\n"
END = b"Connection: close\r\n\r\n"
REFUSED_HEADS: dict[str, tuple[bytes, int]] = {
    "no Host": (b"GET /live HTTP/1.1\r\n" + END, 400),
    "two Hosts": (HEAD + b"Host: y\r\n" + END, 400),
    "an empty Host": (b"GET /live HTTP/1.1\r\nHost:\r\n" + END, 400),
    "a Host with a path": (b"GET /live HTTP/1.1\r\nHost: a/b\r\n" + END, 400),
    "a header of 70 KB": (HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n" + END, 431),
    "a header of 400 KB": (HEAD + b"X-Long: " + b"x" * 400_000 + b"\r\n" + END, 431),
    "a header without an end": (HEAD + b"X-Long: " + b"x" * 40_000, 431),
    "a thousand headers": (HEAD + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 40) for n in range(1_000)) + END, 431),
    "a request line of 40 KB": (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n" + END, 431),
    "a length and a coding": (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + END + b"0\r\n\r\n", 400),
    "a coding and a length": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" + END + b"0\r\n\r\n", 400),
    "two lengths": (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n" + END + b"abc", 400),
    "the same length twice": (HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n" + END + b"abc", 400),
    "a list of lengths": (HEAD + b"Content-Length: 3, 3\r\n" + END + b"abc", 400),
    "a negative length": (HEAD + b"Content-Length: -1\r\n" + END, 400),
    "a signed length": (HEAD + b"Content-Length: +3\r\n" + END + b"abc", 400),
    "a length of 2^64": (HEAD + b"Content-Length: 18446744073709551616\r\n" + END, 400),
    "a length of 10^18": (HEAD + b"Content-Length: 1000000000000000000\r\n" + END, 400),
    "a coding that is unknown": (HEAD + b"Transfer-Encoding: gzip\r\n" + END, 400),
    "two codings": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n" + END + b"0\r\n\r\n", 400),
    "a coding that looks like chunked": (HEAD + b"Transfer-Encoding: xchunked\r\n" + END + b"0\r\n\r\n", 400),
    "a coding in HTTP/1.0": (b"GET /live HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a blank before the colon": (HEAD + b"Content-Length : 3\r\n" + END + b"abc", 400),
    "a folded header": (HEAD + b"X-A: a\r\n b\r\n" + END, 400),
    "a NUL in a header": (HEAD + b"X-A: a\x00b\r\n" + END, 400),
    "a bare CR": (HEAD + b"X-A: a\rb\r\n" + END, 400),
    "no HTTP": (b"hello\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    "HTTP/0.9": (b"GET /live\r\n\r\n", 400),
    "HTTP/2 at once": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/3.0": (b"GET /live HTTP/3.0\r\nHost: x\r\n" + END, 400),
    "an unknown method": (b"FETCH /live HTTP/1.1\r\nHost: x\r\n" + END, 400),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n" + END, 405),
    "a star": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + END, 400),
    "a path that is not ASCII": (b"GET /\xff HTTP/1.1\r\nHost: x\r\n" + END, 400),
    "a query that is not ASCII": (b"GET /live?a=\xc3\xa9 HTTP/1.1\r\nHost: x\r\n" + END, 400),
    "a bad chunk": (make_post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"zz\r\n", 400),
}


@pytest.mark.parametrize(("data", "status"), REFUSED_HEADS.values(), ids=REFUSED_HEADS)
def test_a_request_that_is_not_http_as_it_should_be_is_refused_and_closed(edge: Served, data: bytes, status: int) -> None:
    answer = parse(edge.talk(data))
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert answer.code in ("bad_request", "too_large", "method_not_allowed")


def test_headers_up_to_the_limit_are_taken(edge: Served) -> None:
    padding = "x" * (limits.HEADER_BYTES - len(make_get("/live", "X-Long: ")) - 64)
    assert edge.get("/live", f"X-Long: {padding}").status == 200


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"GET", HEAD, HEAD + b"X-A: b"], ids=["nothing", "CRLF", "GET", "lines", "half"]
)
def test_a_head_that_does_not_come_is_not_waited_for(edge: Served, data: bytes) -> None:
    began = time.monotonic()
    raw = edge.talk(data)
    assert time.monotonic() - began < 3 * SHORT.head_s + SHORT.linger_s
    assert not raw or parse(raw).code == "timed_out"
    assert (raw == b"") == (data in (b"", b"\r\n"))  # CRLF may begin a PROXY header


def test_a_trickled_head_ends_with_its_deadline(edge: Served) -> None:
    with edge.connect() as peer:
        began = time.monotonic()
        _trickle(peer, HEAD + b"X-A: " + b"x" * 1_000, 0.05)
        assert time.monotonic() - began < 3 * SHORT.head_s
        assert parse(read_all(peer)).status == 408


def _trickle(peer: socket.socket, data: bytes, pause_s: float) -> None:
    """Send *data* byte by byte until an answer comes."""
    peer.settimeout(pause_s)
    for byte in data:
        peer.sendall(bytes([byte]))
        try:
            peer.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            continue
        break
    peer.settimeout(10)


def test_half_a_body_is_not_waited_for(edge: Served) -> None:
    whole = make_post(message())
    answer = parse(edge.talk(whole[:-5]))
    assert (answer.status, answer.code) == (408, "timed_out")


def test_a_chunked_body_without_an_end_is_not_waited_for(edge: Served) -> None:
    head = make_post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert parse(edge.talk(head + b"5\r\nhello\r\n")).code == "timed_out"


def test_a_body_that_comes_slowly_is_taken(edge: Served) -> None:
    with edge.connect() as peer:
        data = make_post(message())
        for start in range(0, len(data), 40):
            peer.sendall(data[start : start + 40])
            time.sleep(0.1 if start > 320 else 0)
        assert parse(read_all(peer)).status == 200


def test_an_idle_connection_is_kept_then_closed_without_a_word(edge: Served) -> None:
    with edge.connect() as peer:
        for _ in range(2):
            peer.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in peer.recv(65_536)
            time.sleep(SHORT.keep_alive_s / 2)
        assert read_all(peer) == b""


@pytest.mark.parametrize("headers", [[], ["Connection: keep-alive"]])
def test_a_peer_that_does_not_read_is_cut(edge: Served, headers: list[str]) -> None:
    with edge.connect() as peer:
        _wait_until(lambda: edge.policy.connections == 1, 2)
        peer.sendall(make_get("/large", *headers))
        _wait_until(lambda: edge.policy.connections == 0, 4 * SHORT.unread_s)


def _wait_until(is_so: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_bytes_one_by_one_are_the_same_request(edge: Served) -> None:
    assert parse(edge.talk(PROXY + make_post(message()), slices=1)).status == 200


def test_pipelined_requests_are_answered_in_their_order(edge: Served) -> None:
    first = b"GET /client HTTP/1.1\r\nHost: x\r\n\r\n"
    raw = edge.talk(first + first + make_post(message()))
    assert raw.count(b"HTTP/1.1 200 OK") == 3
    assert raw.endswith(b'"text":"hello"}')


def test_a_bad_request_behind_a_good_one_does_not_spoil_its_answer(edge: Served) -> None:
    raw = edge.talk(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\nGET /live HTTP/1.1\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200 OK")
    assert raw.endswith(b'{"live":true}')


def test_a_request_may_name_the_host_in_its_line(edge: Served) -> None:
    assert parse(edge.talk(b"GET http://x/live HTTP/1.1\r\nHost: x\r\n" + END)).status == 200


@pytest.mark.parametrize("slices", [0, 1, 7])
def test_an_offer_to_speak_http_2_is_passed_over(edge: Served, slices: int) -> None:
    offer = ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    raw = make_post(message(), "Content-Type: application/json", f"Authorization: Bearer {token()}", *offer)
    raw = raw.replace(b"Connection: close", b"Connection: Upgrade, HTTP2-Settings")
    answers = edge.talk(raw + raw + make_post(message()), slices=slices)
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b'"text":"hello"}') == 3


def test_trailers_add_no_header(edge: Served) -> None:
    head = make_post(b"", "Content-Type: application/json").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    body = message()
    raw = head + b"%x\r\n%b\r\n0\r\nAuthorization: Bearer %b\r\n\r\n" % (len(body), body, token().encode())
    assert parse(edge.talk(raw)).code == "unauthenticated"


def test_trailers_without_an_end_are_refused(edge: Served) -> None:
    head = make_post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert parse(edge.talk(head + b"0\r\nX-A: " + b"x" * 200_000)).code in ("bad_request", "timed_out")


def test_over_the_limit_of_connections_a_peer_is_told_to_come_back() -> None:
    with serve(HttpPolicy([], SECRET, 2, timeouts=SHORT)) as served, served.connect() as one, served.connect() as two:
        one.sendall(HEAD)
        two.sendall(HEAD)
        _wait_until(lambda: served.policy.connections == 2, 2)
        answer = served.get("/live")
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "overloaded", "1")


def test_sockets_count_as_connections() -> None:
    with serve(HttpPolicy([], SECRET, 2, timeouts=SHORT, count_sockets=lambda: 2)) as served:
        assert served.get("/live").code == "overloaded"


def test_a_server_that_stops_does_not_wait_for_silent_peers() -> None:
    with serve(HttpPolicy([], SECRET, 9)) as served, served.connect() as peer:
        peer.sendall(HEAD)
        _wait_until(lambda: served.policy.connections == 1, 2)
        began = time.monotonic()
    assert time.monotonic() - began < 3


# Who the client is.


def test_a_connection_without_a_proxy_header_is_served_as_itself(edge: Served) -> None:
    assert json.loads(edge.get("/client").body)[0] == "127.0.0.1"


@pytest.mark.parametrize("header", ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Real-IP: 203.0.113.9"])
def test_what_a_header_says_of_the_client_is_passed_over(edge: Served, header: str) -> None:
    assert json.loads(edge.get("/client", header).body)[0] == "127.0.0.1"


@pytest.mark.parametrize("slices", [0, 1, 5])
def test_a_proxy_header_with_the_secret_names_the_client(edge: Served, slices: int) -> None:
    answer = parse(edge.talk(PROXY + make_get("/client"), slices=slices))
    assert json.loads(answer.body) == ["198.51.100.7", 4567]


def test_an_ipv6_client_is_named_too(edge: Served) -> None:
    header = proxy.encode(("2001:db8::7", 4567), ("::1", 8000), SECRET)
    assert json.loads(parse(edge.talk(header + make_get("/client"))).body) == ["2001:db8::7", 4567]


def test_a_proxy_header_from_a_router_s_network_needs_no_secret() -> None:
    header = proxy.encode(("198.51.100.7", 4567), ("127.0.0.1", 8000), None)
    with serve(HttpPolicy([ip_network("127.0.0.0/8")], None, 9, timeouts=SHORT)) as served:
        assert json.loads(parse(served.talk(header + make_get("/client"))).body) == ["198.51.100.7", 4567]


_BARE = proxy.encode(("198.51.100.7", 4567), ("127.0.0.1", 8000), None)
_WRONG = proxy.encode(("198.51.100.7", 4567), ("127.0.0.1", 8000), "another secret")
DROPPED = {
    "of a stranger": _BARE + make_get("/client"),
    "with another secret": _WRONG + make_get("/client"),
    "of version 1": b"PROXY TCP4 198.51.100.7 127.0.0.1 4567 8000\r\n" + make_get("/client"),
    "truncated": PROXY[:20],
    "truncated in its signature": PROXY[:5],
    "with a wrong signature at its end": PROXY[:11] + b"x" + PROXY[12:] + make_get("/client"),
    "of an unknown version": PROXY[:12] + b"\x31" + PROXY[13:] + make_get("/client"),
    "of 64 KiB": PROXY[:14] + b"\xff\xff" + bytes(65_535) + make_get("/client"),
    "twice": PROXY + PROXY + make_get("/client"),
    "after a request": b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n" + PROXY + make_get("/client"),
}


@pytest.mark.parametrize("data", DROPPED.values(), ids=DROPPED)
def test_a_proxy_header_that_proves_nothing_names_nobody(edge: Served, data: bytes) -> None:
    assert b"198.51.100.7" not in edge.talk(data)


@pytest.mark.parametrize("name", ["of a stranger", "with another secret", "of version 1", "truncated", "of 64 KiB"])
def test_a_stranger_s_proxy_header_gets_no_answer(edge: Served, name: str) -> None:
    assert edge.talk(DROPPED[name]) == b""


# Upgrades.

UPGRADE = (
    b"GET /v1/socket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize("slices", [0, 1])
def test_an_upgrade_is_handed_over_with_the_client_and_the_bytes_that_came_with_it(edge: Served, slices: int) -> None:
    with edge.connect() as peer:
        data = PROXY + UPGRADE + b"\x81\x85first"
        for start in range(0, len(data), slices or len(data)):
            peer.sendall(data[start : start + (slices or len(data))])
        peer.shutdown(socket.SHUT_WR)
        raw = read_all(peer)
    assert raw.startswith(b"client ('198.51.100.7', 4567)\nGET /v1/socket HTTP/1.1\r\n")
    assert b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in raw
    assert raw.endswith(b"\r\n\r\n\x81\x85first")


BAD_UPGRADES: dict[str, tuple[bytes, int]] = {
    "another path": (UPGRADE.replace(b"/v1/socket", b"/v1/sockets"), 404),
    "another method": (UPGRADE.replace(b"GET", b"POST"), 400),
    "HTTP/1.0": (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    "a body": (UPGRADE.replace(b"Host: x", b"Host: x\r\nContent-Length: 3") + b"abc", 400),
    "another protocol": (UPGRADE.replace(b"websocket", b"smtp").replace(b"keep-alive", b"close"), 426),
    "no Host": (UPGRADE.replace(b"Host: x\r\n", b""), 400),
}


@pytest.mark.parametrize(("data", "status"), BAD_UPGRADES.values(), ids=BAD_UPGRADES)
def test_an_upgrade_that_may_not_be_is_refused(edge: Served, data: bytes, status: int) -> None:
    assert parse(edge.talk(data)).status == status


def test_an_upgrade_behind_a_request_is_not_taken(edge: Served) -> None:
    raw = edge.talk(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n" + UPGRADE)
    assert raw.endswith(b'{"live":true}')
    assert b"client " not in raw


# JSON.

BAD_BODIES: dict[str, tuple[bytes, int, str]] = {
    "a NUL in the text": (message(text="a\x00b"), 422, "invalid"),
    "a NUL where anything goes": (message(anything=["a\x00b"]), 422, "invalid"),
    "a NUL in a key": (message(anything={"a\x00": 1}), 422, "invalid"),
    "a lone surrogate": (raw_message(b'"anything":"\\ud800"'), 422, "invalid"),
    "a lone low surrogate": (raw_message(b'"anything":"\\udc00"'), 422, "invalid"),
    "a surrogate as bytes": (raw_message(b'"anything":"\xed\xa0\x80"'), 400, "bad_request"),
    "NaN": (raw_message(b'"ratio":NaN'), 422, "invalid"),
    "Infinity": (raw_message(b'"ratio":Infinity'), 422, "invalid"),
    "-Infinity": (raw_message(b'"ratio":-Infinity'), 422, "invalid"),
    "1e400": (raw_message(b'"ratio":1e400'), 422, "invalid"),
    "NaN for an integer": (raw_message(b'"count":NaN'), 422, "invalid"),
    "1e400 for an integer": (raw_message(b'"count":1e400'), 422, "invalid"),
    "2^53": (message(count=2**53), 422, "invalid"),
    "2^63": (message(count=2**63), 422, "invalid"),
    "2^64": (message(count=2**64), 422, "invalid"),
    "5,000 digits": (raw_message(b'"count":' + b"9" * 5_000), 422, "invalid"),
    "a negative count": (message(count=-1), 422, "invalid"),
    "true for an integer": (message(count=True), 422, "invalid"),
    "text for an integer": (message(count="1"), 422, "invalid"),
    "1.0 for an integer": (message(count=1.0), 422, "invalid"),
    "null for an integer": (message(count=None), 422, "invalid"),
    "a number for a text": (message(text=1), 422, "invalid"),
    "an object for a text": (message(text={}), 422, "invalid"),
    "nested 900 deep": (raw_message(b'"anything":' + b"[" * 900 + b'"canary7731"' + b"]" * 900), 422, "invalid"),
    "nested 30,000 deep": (raw_message(b'"anything":' + b"[" * 30_000), 422, "invalid"),
    "objects nested 900 deep": (raw_message(b'"anything":' + b'{"a":' * 900 + b"1" + b"}" * 900), 422, "invalid"),
    "sender_id": (message(sender_id="bob"), 422, "invalid"),
    "seq": (message(seq=1), 422, "invalid"),
    "is_admin": (message(is_admin=True), 422, "invalid"),
    "a field of the peer's": (message(**{CANARY: CANARY}), 422, "invalid"),
    "a key of the peer's": (message(positions={CANARY: 1}), 422, "invalid"),
    "a wrong value at a good key": (message(positions={CONVERSATION: CANARY}), 422, "invalid"),
    "no text": (b'{"id":"%b"}' % CONVERSATION.encode(), 422, "invalid"),
    "an empty text": (message(text=""), 422, "invalid"),
    "a blank text": (message(text=" \t\n"), 422, "invalid"),
    "a text of zero width": (message(text="\u200b\u2060"), 422, "invalid"),
    "a text of too many characters": (message(text=CANARY + "x" * limits.TEXT_CHARACTERS), 413, "too_large"),
    "a user with a line end": (message(members=["a\nb"]), 422, "invalid"),
    "an id without hyphens": (message(id=CONVERSATION.replace("-", "")), 422, "invalid"),
    "an id in braces": (message(id="{" + CONVERSATION + "}"), 422, "invalid"),
    "an id as a URN": (message(id="urn:uuid:" + CONVERSATION), 422, "invalid"),
    "an id with a line end": (message(id=CONVERSATION + "\n"), 422, "invalid"),
    "an id that is none": (message(id=CANARY), 422, "invalid"),
    "an id that is a number": (message(id=7), 422, "invalid"),
    "a list": (b"[]", 422, "invalid"),
    "a scalar": (b"1", 422, "invalid"),
    "null": (b"null", 422, "invalid"),
    "nothing": (b"", 400, "bad_request"),
    "words": (CANARY.encode(), 400, "bad_request"),
    "half an object": (message()[:-1], 400, "bad_request"),
    "two objects": (message() * 2, 400, "bad_request"),
    "a byte order mark": (b"\xef\xbb\xbf" + message(), 400, "bad_request"),
    "UTF-16": (message().decode().encode("utf-16"), 400, "bad_request"),
    "bytes that are no UTF-8": (raw_message(b'"anything":"\xff"'), 400, "bad_request"),
    "a control character as it is": (raw_message(b'"anything":"\x01"'), 400, "bad_request"),
}


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_not_what_it_should_be_is_refused(edge: Served, body: bytes, status: int, code: str) -> None:
    answer = edge.post(body)
    assert (answer.status, answer.code) == (status, code)


def test_a_refusal_names_the_fields_that_are_ours(edge: Served) -> None:
    problem = json.loads(edge.post(message(count="1", text=" ", seq=3)).body)
    assert sorted(problem["fields"]) == ["count", "text"]


@pytest.mark.parametrize(
    "text", ["\x02\x02", "\x1b[2J", "a\r\nb", "\u202eabc", "<script>alert(1)</script>", "\\u0000", "👨‍👩‍👧‍👦"]
)
def test_what_people_type_comes_through_as_it_is(edge: Served, text: str) -> None:
    assert json.loads(edge.post(message(text=text)).body)["text"] == text


def test_an_id_may_come_in_capitals_and_leaves_in_small_letters(edge: Served) -> None:
    path = f"/v1/conversations/{CONVERSATION.upper()}/messages"
    raw = make_post(message(id=CONVERSATION.upper())).replace(
        f"/v1/conversations/{CONVERSATION}/messages".encode(), path.encode()
    )
    assert json.loads(parse(edge.talk(raw)).body)["conversation"] == CONVERSATION


def test_a_body_over_its_limit_is_refused_by_its_length_before_it_comes(edge: Served) -> None:
    raw = make_post(b"").replace(b"Content-Length: 0", b"Content-Length: 20000000")
    with edge.connect() as peer:
        began = time.monotonic()
        peer.sendall(raw)
        assert b"413" in peer.recv(65_536).split(b"\r\n")[0]
        assert time.monotonic() - began < SHORT.body_s


@pytest.mark.parametrize("is_chunked", [False, True])
def test_twenty_megabytes_are_read_dry_and_refused(edge: Served, is_chunked: bool) -> None:
    body = message(text="x" * 20_000_000)
    raw = make_post(body)
    if is_chunked:
        raw = make_post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        raw += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    answer = parse(edge.talk(raw))
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_body_that_is_awaited_is_asked_for(edge: Served) -> None:
    with edge.connect() as peer:
        head, body = make_post(message(), "Expect: 100-continue", "Content-Type: application/json").split(b"\r\n\r\n")
        peer.sendall(head.replace(b"Expect", f"Authorization: Bearer {token()}\r\nExpect".encode()) + b"\r\n\r\n")
        assert peer.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(body)
        assert parse(read_all(peer)).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""])
def test_a_body_that_is_not_said_to_be_json_is_refused(edge: Served, kind: str) -> None:
    answer = edge.post(message(), f"Content-Type: {kind}", f"Authorization: Bearer {token()}")
    assert (answer.status, answer.code) == (400, "bad_request")


BAD_QUERIES = [
    *(
        f"{name}={value}"
        for name in ("limit", "after")
        for value in ("1.0", "%2B1", "%201", "1_000", "-1", "", "x", "true", "0x1")
    ),
    *("limit=0", "limit=1001", "limit=1000000000", "limit=01", "limit=%D9%A1", "limit=1%00"),
    *("after=9007199254740992", "after=9223372036854775808", "after=" + "9" * 5_000, "after=NaN"),
    *("limit=1&limit=2", "after=1&after=1", f"{CANARY}=1", "limit=1&offset=2", "limit[]=1"),
    "&".join(f"a{n}=1" for n in range(100)),
]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_parameter_that_nearly_fits_is_refused(edge: Served, query: str) -> None:
    answer = edge.get(f"/v1/conversations/{CONVERSATION}/events?{query}", f"Authorization: Bearer {token()}")
    assert (answer.status, answer.code) == (422, "invalid")


@pytest.mark.parametrize("query", ["", "?", "?limit=1000", "?after=0", "?after=9007199254740991&limit=1", "?before=5"])
def test_a_parameter_that_fits_is_taken(edge: Served, query: str) -> None:
    path = f"/v1/conversations/{CONVERSATION}/events{query}"
    assert edge.get(path, f"Authorization: Bearer {token()}").status == 200


@pytest.mark.parametrize("conversation", ["1", "x" * 36, CONVERSATION.replace("-", ""), CONVERSATION + "%00", "%00", "%ff"])
def test_a_path_that_holds_no_id_is_refused(edge: Served, conversation: str) -> None:
    answer = edge.get(f"/v1/conversations/{conversation}/events", f"Authorization: Bearer {token()}")
    assert (answer.status, answer.code) == (422, "invalid")
    assert json.loads(answer.body)["fields"] == ["conversation"]


# Tokens.

BAD_AUTHORIZATIONS = {
    "none": [],
    "no scheme": [f"Authorization: {token()}"],
    "another scheme": [f"Authorization: Basic {token()}"],
    "no token": ["Authorization: Bearer "],
    "twice": [f"Authorization: Bearer {token()}"] * 2,
    "another key": [f"Authorization: Bearer {sign('x' * 32, 'alice', 600, time.time())}"],
    "not ASCII": ["Authorization: Bearer é"],
    "over 8 KiB": [f"Authorization: Bearer {'x' * 9_000}"],
    "no user": [f"Authorization: Bearer {token(user='')}"],
    "another admin key": ["Authorization: Bearer rpa_" + "b" * 32],
    "a cookie": [f"Cookie: token={token()}"],
}


@pytest.mark.parametrize("headers", BAD_AUTHORIZATIONS.values(), ids=BAD_AUTHORIZATIONS)
def test_without_a_valid_token_nothing_is_told(edge: Served, headers: list[str]) -> None:
    answer = edge.post(message(), "Content-Type: application/json", *headers)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "bearer"


def test_an_expired_token_says_so(edge: Served) -> None:
    headers = (f"Authorization: Bearer {token(ago_s=700)}", "Content-Type: application/json")
    assert edge.post(message(), *headers).code == "token_expired"


@pytest.mark.parametrize("name", ["token", "access_token", "authorization"])
def test_a_token_in_the_query_is_not_looked_at(edge: Served, name: str) -> None:
    answer = edge.get(f"/v1/conversations/{CONVERSATION}/events?{name}={token()}")
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_stranger_is_told_so_before_the_body_is_read(edge: Served) -> None:
    assert edge.post(b"x" * 1_000_000, "Content-Type: application/json").code == "unauthenticated"


# Pages.

FOREIGN = [
    "null",
    "http://evil.example",
    "http://localhost:8000.evil.example",
    "https://localhost:8000",
    "http://localhost:9999",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/live", "/nowhere", f"/v1/conversations/{CONVERSATION}/events"])
def test_a_foreign_page_may_not_call(edge: Served, origin: str, path: str) -> None:
    answer = edge.get(path, f"Origin: {origin}", f"Authorization: Bearer {token()}")
    assert (answer.status, answer.code) == (403, "forbidden")
    assert "access-control-allow-origin" not in answer.headers


def test_two_origins_are_none(edge: Served) -> None:
    assert edge.get("/live", "Origin: http://localhost:8000", "Origin: http://localhost:8000").code == "forbidden"


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1:8001"])
def test_our_own_page_may_call_without_credentials(edge: Served, origin: str) -> None:
    answer = edge.get("/live", f"Origin: {origin}")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_our_own_page_may_read_errors_too(edge: Served) -> None:
    answer = edge.get("/nowhere", "Origin: http://localhost:8000")
    assert (answer.code, answer.headers["access-control-allow-origin"]) == ("not_found", "http://localhost:8000")


@pytest.mark.parametrize(("origin", "status"), [("http://localhost:8000", 204), ("http://evil.example", 403)])
def test_a_page_that_asks_first_is_told(edge: Served, origin: str, status: int) -> None:
    raw = make_get("/v1/poll", f"Origin: {origin}", "Access-Control-Request-Method: POST").replace(b"GET", b"OPTIONS", 1)
    answer = parse(edge.talk(raw))
    assert answer.status == status
    assert ("access-control-allow-headers" in answer.headers) == (status == 204)


# Answers.


@pytest.mark.parametrize("path", ["/nowhere", "/live/", "/..%2f..%2fetc/passwd", f"/{CANARY}", "/%00", "//evil.example/%2f.."])
def test_a_path_that_is_not_there_is_not_found(edge: Served, path: str) -> None:
    answer = edge.get(path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert "location" not in answer.headers


def test_a_method_that_is_not_taken_says_which_is(edge: Served) -> None:
    answer = parse(edge.talk(make_get("/live").replace(b"GET", b"DELETE")))
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method_not_allowed", "get")


def test_a_bug_is_told_once_and_closes_the_connection(edge: Served, caplog: pytest.LogCaptureFixture) -> None:
    raw = make_get("/broken").replace(b"Connection: close\r\n", b"")
    with structlog.testing.capture_logs() as logs:
        answer = parse(edge.talk(raw))
    assert (answer.status, answer.code, answer.headers["connection"]) == (500, "internal", "close")
    assert [entry["event"] for entry in logs] == ["a request failed"]
    assert "ASGI" not in caplog.text


def test_health_says_why_not_ready() -> None:
    with serve(HttpPolicy([], SECRET, 9, timeouts=SHORT), reasons=lambda: ["postgres"]) as served:
        assert served.get("/live").status == 200
        answer = served.get("/ready")
        assert (answer.status, answer.code) == (503, "unavailable")
        told = json.loads(answer.body)
    assert {name: told[name] for name in ("ready", "reasons", "degraded")} == {
        "ready": False,
        "reasons": ["postgres"],
        "degraded": ["redis"],
    }


def test_health_says_that_it_is_ready(edge: Served) -> None:
    assert json.loads(edge.get("/ready").body) == {"ready": True, "reasons": [], "degraded": ["redis"]}
    assert edge.get("/metrics").headers["content-type"].startswith("text/plain")


def test_a_development_token_is_one(edge: Served) -> None:
    raw = make_post(b'{"user":"bob"}').replace(f"/v1/conversations/{CONVERSATION}/messages".encode(), b"/v1/dev/token")
    handed = json.loads(parse(edge.talk(raw)).body)
    answer = edge.post(message(), "Content-Type: application/json", f"Authorization: Bearer {handed['token']}")
    assert json.loads(answer.body)["sender"] == "bob"
    assert handed["expires_at"].endswith("Z")


def test_the_openapi_document_says_what_is_served(edge: Served) -> None:
    document = json.loads(edge.get("/openapi.json").body)
    send = document["paths"]["/v1/conversations/{conversation}/messages"]["post"]
    read = document["paths"]["/v1/conversations/{conversation}/events"]["get"]
    assert send["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Message"}
    assert document["components"]["schemas"]["Message"]["additionalProperties"] is False
    assert send["security"] == read["security"] == [{"bearer": []}]
    assert {"400", "401", "403", "413", "422", "500", "default"} <= set(send["responses"])
    assert list(send["responses"]["422"]["content"]) == ["application/problem+json"]
    assert {parameter["name"] for parameter in read["parameters"]} == {"conversation", "after", "before", "limit"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_docs_fetch_nothing_from_elsewhere(edge: Served) -> None:
    answer = edge.get("/docs")
    assert answer.status == 200
    assert b"/v1/conversations/{conversation}/messages" in answer.body
    assert not {b"<script", b"http:", b"https:", b"<link"} & {part for part in (b"<script", b"<link") if part in answer.body}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
