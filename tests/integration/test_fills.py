"""What was missed: mostly from memory and the recent events, little from Postgres; the truth whatever the cache holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import redis.asyncio

from shared import frames
from shared.bus.payload import Payload, pack, unpack
from tests.gateways import Process, Site, bearer, running
from tests.talk import create, greeted, post
from tests.wire import wired

HEAD = 301


async def fill(write: Process, user: str, room: str, many: int) -> None:
    async with greeted(write, user) as talk:
        for n in range(many):
            await talk.send(type="send", conversation=room, id=str(uuid4()), text=f"m{n}")
        left = many
        while left:
            left -= len((await talk.until("acks"))["acks"])


async def sources(read: Process) -> dict[str, float]:
    """Return how many events of catch-ups came from where."""
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"{read.url}/metrics")).text.splitlines()
    named = [line for line in lines if line.startswith("ringpost_read_catch_up_events_total{")]
    told = {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in named}
    return {source: n for source, n in told.items() if n}


async def catch_up(read: Process, user: str, room: str, position: int, head: int = HEAD) -> list[dict[str, Any]]:
    """Catch up on *room*, and on nothing else: the user has heard of joining it."""
    async with greeted(read, user, inbox=1, positions={room: position}) as talk:
        return await talk.events(head, after=position)


@asynccontextmanager
async def a_room(site: Site) -> AsyncIterator[tuple[Process, str, redis.asyncio.Redis]]:
    """A write gateway, a room with its creation and 300 messages, and the Redis that has the recent ones."""
    cache = redis.asyncio.Redis.from_url(site.redis_url)
    async with running(site):
        write = await site.start("write", rate_user="0", rate_conversation="0")
        room = await create(write, "alice", "bob")
        await fill(write, "alice", room, HEAD - 1)
        yield write, room, cache
    await cache.aclose()


async def key_of(cache: redis.asyncio.Redis, site: Site, room: str) -> bytes:
    """Return the key of the room's recent payloads, once the last of them is there: they come after the acknowledgements."""
    async with asyncio.timeout(10):
        while True:
            for key in [bytes(key) async for key in cache.scan_iter(f"{site.prefix}:recent:*:{room}")]:
                last: Any = await cache.xrevrange(key, count=1)
                if last and unpack(last[0][1][b""]).last == HEAD:
                    return key
            await asyncio.sleep(0.01)


async def test_of_many_who_come_back_at_once_postgres_serves_few(site: Site) -> None:
    async with a_room(site) as (_, room, _):
        read = await site.start("read", max_sockets_per_user="1000")
        crowd = [catch_up(read, "bob", room, 1 + n % 100) for n in range(150)]
        for events in await asyncio.gather(*crowd):
            assert [event["seq"] for event in events] == list(range(events[0]["seq"], HEAD + 1))
            assert [event["text"] for event in events] == [f"m{seq - 2}" for seq in range(events[0]["seq"], HEAD + 1)]
        served = await sources(read)

    assert served.get("postgres", 0) < 0.05 * sum(served.values()), served
    assert served["memory"] > 0.9 * sum(served.values()), served


async def test_without_a_cache_the_many_share_what_is_read_of_postgres(site: Site) -> None:
    async with a_room(site) as (_, room, cache):
        await cache.delete(await key_of(cache, site, room))
        read = await site.start("read", max_sockets_per_user="1000")
        for events in await asyncio.gather(*(catch_up(read, "bob", room, 1 + n % 100) for n in range(150))):
            assert [event["seq"] for event in events] == list(range(events[0]["seq"], HEAD + 1))
        served = await sources(read)

    assert served["postgres"] < 0.05 * sum(served.values()), served


def _payload(epoch: UUID, room: str, first: int, last: int, seq: int) -> bytes:
    events = [{"seq": seq + n, "type": "message", "text": "a lie"} for n in range(last - first + 1)]
    return pack(Payload(epoch, 0, first, last, frames.events_frame(UUID(room), events)))


@pytest.mark.parametrize("kind", ["poison", "foreign", "shifted", "a hole", "another type"])
async def test_a_cache_that_lies_costs_queries_and_never_messages(site: Site, kind: str) -> None:
    async with a_room(site) as (_, room, cache):
        key = await key_of(cache, site, room)
        epoch = UUID(hex=key.decode().split(":")[2])
        await cache.delete(key)
        if kind == "another type":
            await cache.set(key, "a string")
        else:
            data = {
                "poison": b"\xff\x00 poison",
                "foreign": _payload(uuid4(), room, 2, HEAD, 2),
                "shifted": _payload(epoch, room, 2, HEAD, 3),
                "a hole": _payload(epoch, room, 40, HEAD, 40),
            }[kind]
            await cache.xadd(key, {b"": data}, id=f"{40 if kind == 'a hole' else 2}-0")
        read = await site.start("read")

        events = await catch_up(read, "bob", room, 1)
        served = await sources(read)

    assert [event["text"] for event in events] == [f"m{n}" for n in range(HEAD - 1)]
    assert set(served) == {"postgres"}


async def test_a_cache_that_hangs_is_waited_for_once(site: Site) -> None:
    async with (
        wired(site.redis_url) as (url, wire),
        a_room(site) as (_, room, _),
        running(Site(site.postgres_url, url, site.prefix)) as through,
    ):
        read = await through.start("read", redis_timeout_s="1")
        wire.hold()
        await asyncio.sleep(2.5)
        loop = asyncio.get_running_loop()
        waits = []
        for _ in range(3):
            started = loop.time()
            events = await catch_up(read, "bob", room, 1)
            waits.append(loop.time() - started)
            assert [event["text"] for event in events] == [f"m{n}" for n in range(HEAD - 1)]

    assert waits[0] < 3.0
    assert max(waits[1:]) < 1.0, waits


async def test_a_text_that_was_erased_is_not_served_after_its_deletion(site: Site) -> None:
    async with a_room(site) as (write, room, _):
        read = await site.start("read")
        assert (await post(write, "alice", room, "a secret")).status_code == 201
        before = await catch_up(read, "bob", room, HEAD - 5, HEAD + 1)
        assert before[-1]["text"] == "a secret"
        async with greeted(read, "bob", positions={room: HEAD + 1}) as watcher:
            await watcher.until("caught_up")
            async with httpx.AsyncClient() as client:
                body = {"type": "delete", "id": str(uuid4()), "seq": HEAD + 1}
                url = f"{write.url}/v1/conversations/{room}/messages"
                assert (await client.post(url, json=body, headers=bearer("alice"))).status_code == 201
            await watcher.events(HEAD + 2, after=HEAD + 1)
            for position in (HEAD - 5, HEAD, 1):
                after = await catch_up(read, "bob", room, position, HEAD + 2)
                assert (after[-2].get("text"), after[-2].get("erased")) == (None, True)
                assert after[-1]["type"] == "deleted"


async def test_who_was_put_out_gets_nothing_after_that_from_the_cache_either(site: Site) -> None:
    async with a_room(site) as (write, room, _):
        read = await site.start("read")
        async with httpx.AsyncClient(headers=bearer("alice")) as client:
            url = f"{write.url}/v1/conversations/{room}"
            for path in ("remove", "members"):
                body = {"id": str(uuid4()), "user": "bob"}
                assert (await client.post(f"{url}/{path}", json=body)).status_code == 201
        await fill(write, "alice", room, 20)

        async with greeted(read, "bob", positions={room: HEAD - 10}) as talk:
            frame = await talk.until("events")
            assert frame["from"] == HEAD - 9
            assert frame["events"][-1]["type"] == "removed"
            rejoined = await talk.until("events")
            assert rejoined["events"][0]["type"] == "joined"
