"""What a client looks at comes first, and many who poll for the same make one read of it."""

import asyncio
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from tests.databases import a_database
from tests.event_stream import streaming
from tests.figures import figure
from tests.gateways import Process, Site, bearer, running
from tests.talk import create, greeted, post

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOMS, TEXTS = 5, 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(postgres: PostgresServer, template: str, valkey: ValkeyServer) -> AsyncIterator[Process]:
    async with a_database(postgres.url, template) as url, running(Site(url, valkey.url, f"test-{token_hex(6)}")) as site:
        yield await site.start("both", rate_user="0", rate_conversation="0")


async def _fill(both: Process, user: str) -> list[str]:
    rooms = [await create(both, user) for _ in range(ROOMS)]
    for room in rooms:
        for n in range(TEXTS):
            assert (await post(both, user, room, str(n))).status_code == 201
    return rooms


def _behind(rooms: list[str], *first: str) -> dict[str, Any]:
    return {"positions": dict.fromkeys(rooms, 1), "first": list(first)}


async def test_a_socket_gets_them_in_the_order_that_it_asked_for(both: Process) -> None:
    rooms = await _fill(both, "alice")
    async with greeted(both, "alice", **_behind(rooms, rooms[3], rooms[1])) as talk:
        assert [one["conversation"] for one in talk.welcome["ranges"]][:2] == [rooms[3], rooms[1]]
        heard = [(await talk.until("events"))["conversation"] for _ in rooms]
    assert heard[:2] == [rooms[3], rooms[1]]
    assert sorted(heard) == sorted(rooms)


async def test_a_stream_does_too(both: Process) -> None:
    rooms = await _fill(both, "bob")
    async with streaming(both, "bob", **_behind(rooms, rooms[4])) as stream:
        event = await stream.receive()
        while event.kind != "events":
            event = await stream.receive()
    assert event.frame["conversation"] == rooms[4]


async def test_a_poll_does_too(both: Process) -> None:
    rooms = await _fill(both, "carol")
    async with httpx.AsyncClient(headers=bearer("carol")) as http:
        answer = await http.post(f"{both.url}/v1/poll", json=_behind(rooms, rooms[2]) | {"limit": TEXTS})
    (page,) = answer.json()["conversations"]
    assert (page["conversation"], page["from"], page["to"], page["complete"]) == (rooms[2], 2, TEXTS + 1, True)


async def test_many_who_poll_for_the_same_events_make_one_read_of_them(both: Process) -> None:
    crowd = [f"one-{n}" for n in range(20)]
    room = await create(both, "dora", *crowd)
    for n in range(TEXTS):
        assert (await post(both, "dora", room, str(n))).status_code == 201
    before = {source: await _served(both, source) for source in ("memory", "cache", "postgres")}

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=20)) as http:
        ask = {"inbox": 1, "positions": {room: 1}}
        asked = [http.post(f"{both.url}/v1/poll", json=ask, headers=bearer(user)) for user in crowd]
        answers = await asyncio.gather(*asked)

    texts = [[event["text"] for event in answer.json()["conversations"][0]["events"]] for answer in answers]
    assert texts == [[str(n) for n in range(TEXTS)]] * len(crowd)
    served = {source: await _served(both, source) - count for source, count in before.items()}
    assert sum(served.values()) == TEXTS * len(crowd)
    assert served["memory"] == TEXTS * (len(crowd) - 1)


async def _served(both: Process, source: str) -> float:
    return await figure(both, f'read_catch_up_events_total{{source="{source}"}}')
