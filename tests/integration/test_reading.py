"""What readers get: history, live events, long polls; complete whatever Redis does."""

import asyncio
import time
from uuid import UUID, uuid4

import httpx
import redis.asyncio

from shared.bus.payload import Payload, channel_name, pack
from tests.gateways import Process, Site, bearer, running
from tests.talk import create, greeted, post


async def fill(write: Process, user: str, room: str, many: int) -> None:
    async with greeted(write, user) as talk:
        for n in range(many):
            await talk.send(type="send", conversation=room, id=str(uuid4()), text=f"m{n}")
        left = many
        while left:
            left -= len((await talk.until("acks"))["acks"])


async def get(read: Process, user: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"{read.url}/v1{path}", headers=bearer(user))


async def poll(read: Process, user: str, **body: object) -> httpx.Response:
    async with httpx.AsyncClient(timeout=70) as client:
        return await client.post(f"{read.url}/v1/poll", json=body, headers=bearer(user))


async def test_a_resumed_socket_continues_its_position_without_gap_or_repeat(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write", rate_user="0"), await site.start("read")
        room = await create(write, "alice", "bob")
        await fill(write, "alice", room, 30)
        async with greeted(read, "bob") as first:
            seen = await first.events(31)
            epoch = first.welcome["epoch"]
        filling = asyncio.create_task(fill(write, "alice", room, 2000))

        async with greeted(read, "bob", epoch=epoch, inbox=1, positions={room: 31}) as again:
            (named,) = again.welcome["ranges"]
            assert (named["from"], named["complete"]) == (32, True)
            seen += await again.events(2031, after=31)
        await filling

        assert [event["seq"] for event in seen] == list(range(1, 2032))
        assert [event["text"] for event in seen[1:31]] == [f"m{n}" for n in range(30)]


async def test_a_position_of_another_epoch_or_beyond_the_head_is_lost_by_name(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        cases = (
            ({"epoch": str(uuid4()), "inbox": 1, "positions": {room: 1}}, [None, room]),
            ({"positions": {room: 99}}, [room]),
            ({"inbox": 99}, [None]),
        )
        for hello, logs in cases:
            async with greeted(read, "alice", **hello) as talk:
                epoch = talk.welcome["epoch"]
                for log in logs:
                    named = {} if log is None else {"conversation": log}
                    assert await talk.receive() == {"type": "position_lost", "epoch": epoch} | named
                assert await talk.events(1)
                assert (await talk.until("inbox"))["from"] == 1
        for cursor in ({"positions": {room: 99}}, {"inbox": 99}):
            answer = await poll(read, "alice", **cursor, wait_s=0)
            assert (answer.status_code, answer.json()["code"]) == (410, "position_lost")


async def test_who_is_added_hears_of_it_and_follows_at_once(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        async with greeted(read, "carol") as carol:
            await carol.until("caught_up")
            room = await create(write, "alice", "carol", title="tea")
            inbox = await carol.until("inbox")
            assert inbox["events"][0]["conversation"] == room
            await post(write, "alice", room, "hello")
            assert [event["type"] for event in await carol.events(2)] == ["created", "message"]


async def test_history_from_joining_hides_what_came_before(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", history="joined")
        await fill(write, "alice", room, 5)
        async with httpx.AsyncClient() as client:
            body = {"id": str(uuid4()), "user": "bob"}
            await client.post(f"{write.url}/v1/conversations/{room}/members", json=body, headers=bearer("alice"))

        page = (await get(read, "bob", f"/conversations/{room}/events?after=0")).json()

        assert (page["from"], page["to"], page["complete"]) == (7, 7, True)
        async with greeted(read, "bob", positions={room: 2}) as talk:
            (named,) = talk.welcome["ranges"]
            assert (named["from"], named["complete"]) == (7, False)


async def test_ranges_go_forwards_and_backwards(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        await fill(write, "alice", room, 9)
        cases = {
            "after=0&limit=4": (1, 4, False),
            "after=4&limit=6": (5, 10, True),
            "after=10": (11, 10, True),
            "after=500": (501, 500, True),
            "limit=3": (8, 10, False),
            "before=8&limit=3": (5, 7, False),
            "before=4&limit=10": (1, 3, True),
            "before=1": (1, 0, True),
        }
        for query, expected in cases.items():
            page = (await get(read, "alice", f"/conversations/{room}/events?{query}")).json()
            assert (page["from"], page["to"], page["complete"]) == expected, query
            assert [event["seq"] for event in page["events"]] == list(range(page["from"], page["to"] + 1))


async def test_a_page_is_bounded_by_its_bytes(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        for _ in range(20):
            assert (await post(write, "alice", room, "€" * 8000)).status_code == 201

        answer = await get(read, "alice", f"/conversations/{room}/events?after=1")

        assert (answer.json()["from"], answer.json()["complete"]) == (2, True)
        for _ in range(10):
            await post(write, "alice", room, "€" * 8000)
        answer = await get(read, "alice", f"/conversations/{room}/events?after=1")
        assert not answer.json()["complete"]
        assert 450 * 1024 < len(answer.content) <= 520 * 1024


async def test_strangers_read_and_learn_nothing(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")

        theirs = await get(read, "mallory", f"/conversations/{room}/events")
        nobodys = await get(read, "mallory", f"/conversations/{uuid4()}/events")

        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() == nobodys.json()
        async with greeted(read, "mallory", positions={room: 0}) as talk:
            assert talk.welcome["ranges"] == []
            await talk.until("caught_up")
            await post(write, "alice", room, "private")
            await talk.send(type="ping")
            assert (await talk.receive())["type"] == "pong"


async def test_read_markers_rise_and_count_others_messages(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        await fill(write, "alice", room, 4)
        await post(write, "bob", room, "mine")
        async with greeted(read, "bob") as talk:
            for seq in (3, 2, 10**6):
                await talk.send(type="read", conversation=room, seq=seq)
                await asyncio.sleep(1.2)
            marked = await talk.until("read")
            (listed,) = (await get(read, "bob", "/conversations")).json()["conversations"]

        assert marked["seq"] == 3
        assert (listed["read"], listed["messages"], listed["unread"]) == (3, 5, 2)


async def test_a_poll_answers_at_once_waits_or_ends_empty(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        first = (await poll(read, "alice")).json()
        assert first["inbox"]["to"] == 1
        assert first["conversations"][0]["to"] == 1
        cursor = {"epoch": first["epoch"], "inbox": 1, "positions": {room: 1}}

        empty = (await poll(read, "alice", **cursor, wait_s=0.3)).json()
        waiting = asyncio.create_task(poll(read, "alice", **cursor, wait_s=30))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        started = time.monotonic()
        await post(write, "alice", room, "news")
        (answered,) = (await waiting).json()["conversations"]

        assert (empty["inbox"], empty["conversations"]) == (None, [])
        assert [event["text"] for event in answered["events"]] == ["news"]
        assert time.monotonic() - started < 2.0


async def test_poison_old_and_reordered_publications_harm_nobody(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        bus = redis.asyncio.Redis.from_url(site.redis_url)
        async with greeted(read, "alice") as talk:
            await talk.events(1)
            await talk.until("caught_up")
            epoch = talk.welcome["epoch"]
            name = channel_name(site.prefix, UUID(room))
            frame = b'{"type":"events","events":[]}'
            for payload in (
                b"",
                b"\xff\xfe",
                b"1 2 3",
                pack(Payload(uuid4(), 0, 2, 2, frame)),
                pack(Payload(UUID(epoch), 0, 1, 1, frame)),
                pack(Payload(UUID(epoch), 0, 7, 9, frame)),
            ):
                await bus.publish(name, payload)
            await post(write, "alice", room, "real")
            events = await talk.events(2, after=1)
        await bus.aclose()

        assert [event["text"] for event in events] == ["real"]


async def test_what_redis_loses_arrives_within_two_seconds(site: Site) -> None:
    """The write gateway's publications go to nobody: another prefix. Postgres alone tells."""
    async with running(site):
        read = await site.start("read")
        write = await site.start("write", prefix=f"{site.prefix}-elsewhere")
        room = await create(write, "alice")
        async with greeted(read, "alice") as talk:
            await talk.events(1)
            for n in range(3):
                started = time.monotonic()
                await post(write, "alice", room, f"m{n}")
                await talk.events(2 + n, after=1 + n)
                assert time.monotonic() - started < 2.0
