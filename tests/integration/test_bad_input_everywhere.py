"""Bad input at every route of both services: refused as documented, nothing of it told, nothing broken by it.

What is bad is derived from the OpenAPI document; the tables here say what would be right. A route without a row fails.
"""

import asyncio
import base64
import json
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import pytest_asyncio

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from shared import limits
from shared.auth import sign
from tests.contract import Contract
from tests.gateways import ADMIN, JWT_KEY, bearer, token
from tests.house import a_house
from tests.right_requests import BODIES, IN_ONE, PROTECTED, QUERIES, ROWS, Place, Row
from tests.spoiling import CANARY, Bad, repeat_names, resolve, spoil
from tests.spoiling_queries import spoil_query
from tests.talk import create, post

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(postgres: PostgresServer, template: str, valkey: ValkeyServer) -> AsyncIterator[Place]:
    unlimited = {"rate_user": "0", "rate_conversation": "0"}
    async with a_house(postgres, template, valkey, **unlimited) as house, httpx.AsyncClient(timeout=30) as http:
        rooms = {
            "hers": await create(house.write, "alice", "bob", "carol"),
            "open": await create(house.write, "bob", access="open"),
            "bob's": await create(house.write, "bob", "alice"),
        }
        assert (await post(house.write, "alice", rooms["hers"], "hello")).json()["seq"] == 2
        documents = {
            role: (await http.get(f"{process.url}/openapi.json")).json()
            for role, process in (("write", house.write), ("read", house.read))
        }
        contracts = {role: Contract(document) for role, document in documents.items()}
        yield Place(house, http, documents, contracts, rooms)


@pytest_asyncio.fixture(loop_scope="module")
async def place(built: Place) -> AsyncIterator[Place]:
    """The gateways, which after each test still serve, and have met no bug."""
    yield built
    assert built.house.complaints() == []
    for process in (built.house.write, built.house.read):
        assert (await built.http.get(f"{process.url}/ready")).json()["reasons"] == []


# Every route has its row, and every row is right.


async def test_every_route_that_takes_a_body_has_a_row(place: Place) -> None:
    declared = {
        (role, method.upper(), path, model)
        for role, document in place.documents.items()
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
        for model in models(operation["requestBody"]["content"]["application/json"]["schema"], document)
    }
    assert {(row.at, row.method, row.path, row.model) for row in BODIES} == declared


def models(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the objects that a body may be, or hold in an array."""
    known = resolve(schema, document["components"]["schemas"])
    if "properties" in known:
        yield schema["$ref"].rpartition("/")[2]
    for branch in (*known.get("anyOf", ()), *known.get("oneOf", ()), *([known["items"]] if "items" in known else [])):
        yield from models(branch, document)


async def test_every_route_that_takes_parameters_or_a_token_has_a_row(place: Place) -> None:
    declared = {
        (role, method.upper(), path)
        for role, document in place.documents.items()
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "parameters" in operation or "security" in operation
    }
    assert {(row.at, row.method, row.path) for row in PROTECTED} == declared


async def test_each_row_is_right(place: Place) -> None:
    for row in ROWS:
        answer = await place.ask(row)
        assert answer.status_code in (200, 201), (str(row), answer.text)


# Bodies.


@pytest.mark.parametrize("row", BODIES, ids=str)
async def test_a_wrong_body_is_refused(place: Place, row: Row) -> None:
    defined = place.defined(row)
    bad = [*spoil(row.good, defined[row.model], defined), *repeat_names(row.good)]
    assert len(bad) > 30
    await refuses(place, row, {each.name: each for each in bad})


async def refuses(place: Place, row: Row, bad: Mapping[str, Bad], **more: Any) -> None:
    told = {name: place.judge(row, await place.ask(row, raw=each.raw, **more), each.code) for name, each in bad.items()}
    assert {name: faults for name, faults in told.items() if faults} == {}


@pytest.mark.parametrize("row", [row for row in BODIES if row.path.endswith("/messages")], ids=str)
async def test_a_wrong_send_spoils_the_array_that_it_stands_in(place: Place, row: Row) -> None:
    defined = place.defined(row)
    bad = [each for each in (*spoil(row.good, defined[row.model], defined), *repeat_names(row.good)) if each.raw[:1] == b"{"]
    right = json.dumps(row.good | {"id": str(uuid4())}).encode()
    arrays = {each.name: Bad(each.name, b"[%b, %b]" % (right, each.raw), each.code) for each in bad}
    many = b"[" + b", ".join([right] * (limits.POST_SENDS + 1)) + b"]"
    await refuses(place, row, arrays | {"too many": Bad("too many", many), "none": Bad("none", b"[]")})


JSON = "application/json"
TYPES = [
    *(
        [kind]
        for kind in ("text/plain", "application/x-www-form-urlencoded", f"{JSON}; charset=latin-1", "application/jsonp", CANARY)
    ),
    [],
    [""],
    [JSON, "text/plain"],
    ["text/plain", JSON],
    [JSON, JSON],
]


@pytest.mark.parametrize("row", BODIES, ids=str)
async def test_a_body_that_is_not_said_to_be_json_is_refused(place: Place, row: Row) -> None:
    for types in TYPES:
        assert place.judge(row, await place.ask(row, types=types), "bad_request") == [], types


@pytest.mark.parametrize("row", BODIES, ids=str)
async def test_twenty_megabytes_are_refused_by_their_size(place: Place, row: Row) -> None:
    answer = await place.ask(row, raw=json.dumps(row.good | {"text": CANARY * 2_000_000}).encode())
    assert place.judge(row, answer, "too_large") == []


async def test_a_connection_outlives_any_number_of_them(place: Place) -> None:
    row = BODIES[-1]
    body = json.dumps(row.good | {"text": CANARY * 2_000_000}).encode()
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=1)) as one:
        alone = replace(place, http=one)
        for _ in range(5):
            assert place.judge(row, await alone.ask(row, raw=body), "too_large") == []


@pytest.mark.parametrize("row", BODIES, ids=str)
async def test_a_body_in_chunks_is_refused_where_it_passes_the_limit(place: Place, row: Row) -> None:
    answer = await place.ask(row, raw=chunks(b" " * 65_536, 12))
    assert place.judge(row, answer, "too_large") == []


async def chunks(chunk: bytes, times: int) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield chunk


# Parameters.


@pytest.mark.parametrize("row", QUERIES, ids=str)
async def test_a_wrong_parameter_is_refused(place: Place, row: Row) -> None:
    operation = place.documents[row.at]["paths"][row.path][row.method.lower()]
    parameters = [each for each in operation["parameters"] if each["in"] == "query"]
    told = {
        query: place.judge(row, await place.ask(row, query=query), code)
        for query, code in spoil_query(parameters, place.defined(row))
    }
    assert {query: faults for query, faults in told.items() if faults} == {}


NO_IDS = [
    "1",
    CANARY,
    "null",
    "x" * 36,
    "5f0c2a1e8d7b4c3f9a601b2c3d4e5f60",
    "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60%00",
    "%00",
    "%FF",
]


@pytest.mark.parametrize("row", IN_ONE, ids=str)
async def test_a_path_that_holds_no_id_is_refused(place: Place, row: Row) -> None:
    for id in NO_IDS:
        assert place.judge(row, await place.ask(row, room=id), "invalid") == [], id


@pytest.mark.parametrize("row", BODIES, ids=str)
async def test_a_parameter_where_none_is_taken_does_not_change_what_the_body_says(place: Place, row: Row) -> None:
    answer = await place.ask(row, raw=b"{", query=f"id={CANARY}&user=root&is_admin=true")
    assert place.judge(row, answer, "bad_request") == []


# Who asks.


FAR = 4_000_000_000


def unsigned() -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": "alice", "exp": FAR})
    return ".".join([base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts] + [""])


def signed(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {jwt.encode(claims, JWT_KEY, 'HS256')}"}


NOBODY: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "unauthenticated"),
    "no token": ({"Authorization": "Bearer"}, "unauthenticated"),
    "another scheme": ({"Authorization": f"Basic {CANARY}"}, "unauthenticated"),
    "no scheme": ({"Authorization": token("alice")}, "unauthenticated"),
    "no JWT": ({"Authorization": f"Bearer {CANARY}"}, "unauthenticated"),
    "no signature": ({"Authorization": f"Bearer {unsigned()}"}, "unauthenticated"),
    "another key": ({"Authorization": f"Bearer {sign('x' * 32, 'alice', 600, time.time())}"}, "unauthenticated"),
    "no end": (signed(sub="alice"), "unauthenticated"),
    "an end of 400 digits": (signed(sub="alice", exp=10**400), "unauthenticated"),
    "no user": (signed(exp=FAR), "unauthenticated"),
    "a rate that is none": (signed(sub="alice", exp=FAR, rate=CANARY), "unauthenticated"),
    "half of it": ({"Authorization": f"Bearer {token('alice')[:-4]}"}, "unauthenticated"),
    "a user that is none": ({"Authorization": f"Bearer {token(f'{CANARY}{chr(10)}')}"}, "unauthenticated"),
    "over 8 KiB": ({"Authorization": f"Bearer {CANARY * 1_000}"}, "unauthenticated"),
    "an old one": ({"Authorization": f"Bearer {sign(JWT_KEY, 'alice', 1, time.time() - 60)}"}, "token_expired"),
    "another admin key": ({"Authorization": f"Bearer rpa_{CANARY}{'x' * 32}"}, "unauthenticated"),
    "a cookie": ({"Cookie": f"token={token('alice')}"}, "unauthenticated"),
}


@pytest.mark.parametrize("row", PROTECTED, ids=str)
async def test_without_a_good_token_nothing_is_done(place: Place, row: Row) -> None:
    for name, (headers, code) in NOBODY.items():
        assert place.judge(row, await place.ask(row, headers=headers), code) == [], name
    in_query = await place.ask(row, headers={}, query=f"access_token={token('alice')}&token={token('alice')}")
    assert place.judge(row, in_query, "unauthenticated") == []


@pytest.mark.parametrize("row", [row for row in PROTECTED if row.at == "read" or row.model == "OwnBody"], ids=str)
async def test_the_admin_key_does_nothing_that_is_a_user_s(place: Place, row: Row) -> None:
    assert place.judge(row, await place.ask(row, headers=ADMIN), "forbidden") == []


# Conversations of others.


@pytest.mark.parametrize("row", IN_ONE, ids=str)
async def test_a_foreign_conversation_is_as_one_that_does_not_exist(place: Place, row: Row) -> None:
    nowhere = str(uuid4())
    theirs, nobodys = [await place.ask(row, headers=bearer("mallory"), room=room) for room in (place.rooms["hers"], nowhere)]
    assert place.judge(row, theirs, "not_found") == []
    assert theirs.text == nobodys.text
    assert told_headers(theirs) == told_headers(nobodys)


def told_headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


@pytest.mark.slow
@pytest.mark.parametrize("row", IN_ONE, ids=str)
async def test_a_foreign_conversation_takes_as_long_as_one_that_does_not_exist(place: Place, row: Row) -> None:
    """Medians of requests that take turns, within half as much again: the machine does other work too.

    What is written does take longer in one that is there, by a flush of Postgres': locking its row makes a record of 96 bytes.
    """
    theirs: list[float] = []
    nobodys: list[float] = []
    for _ in range(5):
        for _ in range(20):
            theirs.append(await timed(place, row, place.rooms["hers"]))
            nobodys.append(await timed(place, row, str(uuid4())))
        shorter, longer = sorted((statistics.median(theirs), statistics.median(nobodys)))
        if longer < 1.5 * shorter:
            return
    raise AssertionError(f"{longer * 1e3:.2f} ms, and {shorter * 1e3:.2f} ms")


async def timed(place: Place, row: Row, room: str) -> float:
    began = time.perf_counter()
    assert (await place.ask(row, headers=bearer("mallory"), room=room)).status_code == 404
    return time.perf_counter() - began


async def test_a_position_in_a_foreign_conversation_is_as_one_in_none(place: Place) -> None:
    poll = next(row for row in BODIES if row.model == "PollBody")
    bodies = [{"positions": {room: seq}, "wait_s": 0} for room in (place.rooms["hers"], str(uuid4())) for seq in (0, 1, 10**9)]
    answers = [await place.ask(poll, raw=json.dumps(body), headers=bearer("mallory")) for body in bodies]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


# What is not bad.

TYPED = [
    "\x02\x02",
    "\x1b[2J",
    "a\r\nb",
    "\u202eabc",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "\\u0000",
    "👨‍👩‍👧‍👦" * 1_000,
]


async def test_what_people_type_comes_back_as_it_was_typed(place: Place) -> None:
    room = await create(place.house.write, "alice")
    for text in TYPED:
        assert (await post(place.house.write, "alice", room, text)).status_code == 201
    url = f"{place.house.read.url}/v1/conversations/{room}/events?after=1"
    events = (await place.http.get(url, headers=bearer("alice"))).json()["events"]
    assert [event["text"] for event in events] == TYPED


# All of it at once.


async def test_bad_requests_at_once_do_not_spoil_the_good_one_among_them(place: Place) -> None:
    send = next(row for row in BODIES if row.model == "SendBody")
    defined = place.defined(send)
    bad = [each.raw for each in spoil(send.good, defined[send.model], defined)]
    answers = await asyncio.gather(*(place.ask(send, raw=raw) for raw in bad), place.ask(send))
    assert answers[-1].status_code == 201
    assert {answer.status_code for answer in answers[:-1]} == {400, 413, 422}
