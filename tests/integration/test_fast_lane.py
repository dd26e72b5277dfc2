"""The short way for a POST answers as the route does, whatever comes."""

import asyncio
import json
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from tests.databases import a_database
from tests.gateways import ADMIN_KEY, Process, Site, running, token
from tests.talk import create

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT, ROUTE = "application/json", "application/json; charset=utf-8"
KNOWN = str(uuid4())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def write(postgres: PostgresServer, template: str, valkey: ValkeyServer) -> AsyncIterator[Process]:
    async with a_database(postgres.url, template) as url, running(Site(url, valkey.url, f"test-{token_hex(6)}")) as site:
        yield await site.start("write")


@pytest_asyncio.fixture(loop_scope="module")
async def room(write: Process) -> str:
    return await create(write, "alice", "bob")


async def _post(write: Process, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """Return all of an answer that does not depend on when it came."""
    async with httpx.AsyncClient(timeout=20) as http:
        response = await http.post(write.url + path, content=body, headers=headers)
    kept = {name: value for name, value in response.headers.items() if name not in ("date", "content-length")}
    told = response.json()
    for each in told if isinstance(told, list) else [told]:
        for volatile in ("seq", "at"):
            each.pop(volatile, None)
    return {"status": response.status_code, "headers": kept, "body": told}


async def _both_ways(write: Process, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    short = await _post(write, path, body, {"Content-Type": SHORT} | headers)
    route = await _post(write, path, body, {"Content-Type": ROUTE} | headers)
    assert short == route
    return short


def _send(**fields: Any) -> bytes:
    return json.dumps({"id": KNOWN, "text": "hello"} | fields).encode()


BODIES: dict[str, tuple[bytes, int]] = {
    "a send that came before": (_send(), 200),
    "its id with another text": (_send(text="other"), 409),
    "an array": (b"[%b, %b]" % (_send(), _send(text="x")), 200),
    "no JSON": (b"{", 400),
    "nothing": (b"", 400),
    "a text with a NUL": (_send(text="\x00"), 422),
    "a blank text": (_send(text=" "), 422),
    "an unknown field": (_send(seq=4), 422),
    "another type": (b'{"id": 5, "text": true}', 422),
    "NaN": (b'{"id": NaN}', 422),
    "deep nesting": (b"[" * 900 + b"]" * 900, 422),
    "a lone surrogate": (b'{"id": "%b", "text": "\\ud800"}' % KNOWN.encode(), 422),
    "too much": (b" " * (513 * 1024), 413),
    "about no message": (_send(id=str(uuid4()), reply_to=99), 404),
}


@pytest.mark.parametrize("name", BODIES)
async def test_every_body_is_answered_alike(write: Process, room: str, name: str) -> None:
    path, mine = f"/v1/conversations/{room}/messages", {"Authorization": f"Bearer {token('alice')}"}
    await _post(write, path, _send(), {"Content-Type": SHORT} | mine)
    body, status = BODIES[name]
    assert (await _both_ways(write, path, body, mine))["status"] == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer", 401),
        ("Bearer nonsense", 401),
        ("Bearer \xff\xfe", 401),
        ("Basic YWxpY2U6eA==", 401),
        (f"Bearer {token('alice', -5)}", 401),
        (f"bearer {token('alice')}", 201),
        (f"Bearer {token('mallory')}", 404),
        (f"Bearer {ADMIN_KEY}", 201),
        ("Bearer rpa_not_the_key_0123456789abcdefghijklm", 401),
    ],
)
async def test_every_caller_is_answered_alike(write: Process, room: str, authorization: str, status: int) -> None:
    path = f"/v1/conversations/{room}/messages"
    answers = []
    for kind in (SHORT, ROUTE):
        async with httpx.AsyncClient(timeout=20) as http:
            headers = [(b"Content-Type", kind.encode()), (b"Authorization", authorization.encode("latin-1"))]
            response = await http.post(write.url + path, content=_send(id=str(uuid4())), headers=headers)
        answers.append((response.status_code, response.json().get("code"), response.headers.get("www-authenticate")))
    assert answers[0] == answers[1]
    assert answers[0][0] == status


@pytest.mark.parametrize("origin", [None, "http://localhost:8000", "http://elsewhere.example", "null"])
async def test_every_page_is_answered_alike(write: Process, room: str, origin: str | None) -> None:
    mine = {"Authorization": f"Bearer {token('alice')}"} | ({"Origin": origin} if origin else {})
    found = await _both_ways(write, f"/v1/conversations/{room}/messages", _send(text=" "), mine)
    assert found["status"] == (403 if origin in ("http://elsewhere.example", "null") else 422)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/conversations/not-a-uuid/messages",
        "/v1/conversations/5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60/messages",
        "/v1/conversations//messages",
    ],
)
async def test_every_path_is_answered_alike(write: Process, path: str) -> None:
    found = await _both_ways(write, path, _send(), {"Authorization": f"Bearer {token('alice')}"})
    assert found["status"] in (404, 422)


async def test_a_client_that_leaves_before_the_end_of_its_body_harms_nobody(write: Process, room: str) -> None:
    head = f"POST /v1/conversations/{room}/messages HTTP/1.1\r\nHost: x\r\nContent-Type: {SHORT}\r\nContent-Length: 500\r\n"
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", write.port)
        writer.write(f"{head}Authorization: Bearer {token('alice')}\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
    mine = {"Authorization": f"Bearer {token('alice')}"}
    found = await _both_ways(write, f"/v1/conversations/{room}/messages", _send(text=" "), mine)
    assert found["status"] == 422
