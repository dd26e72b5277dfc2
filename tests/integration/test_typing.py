"""Who types: heard by the members at every gateway, seldom, and never stored."""

import asyncio
from uuid import UUID, uuid4

import httpx
import redis.asyncio

from shared.bus.payload import channel_name
from tests.figures import figure
from tests.gateways import Process, Site, bearer, running
from tests.silence import silent
from tests.talk import create, greeted, post


async def head(read: Process, room: str) -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{read.url}/v1/conversations/{room}/events", headers=bearer("alice"))
    return int(answer.json()["head"])


async def test_typing_is_heard_at_every_gateway_by_the_members_alone_and_not_stored(site: Site) -> None:
    async with running(site):
        write, one, other = await site.start("write"), await site.start("read"), await site.start("read")
        room = await create(write, "alice", "bob", "carol")
        async with (
            greeted(one, "alice") as alice,
            greeted(one, "bob") as bob,
            greeted(other, "carol") as carol,
            greeted(other, "mallory") as mallory,
        ):
            for talk in (alice, bob, carol, mallory):
                await talk.until("caught_up")
            await alice.send(type="typing", conversation=room)
            expected = {"type": "typing", "conversation": room, "user": "alice"}
            assert await bob.receive(2) == expected
            assert await carol.receive(2) == expected
            await silent(mallory, 0.5)
        assert await head(other, room) == 1


async def test_one_in_two_seconds_is_passed_on(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with greeted(read, "alice") as alice, greeted(read, "bob") as bob:
            for talk in (alice, bob):
                await talk.until("caught_up")
            for _ in range(20):
                await alice.send(type="typing", conversation=room)
            assert (await bob.receive(2))["type"] == "typing"
            await silent(bob, 1.0)
            await asyncio.sleep(1.1)
            await alice.send(type="typing", conversation=room)
            assert (await bob.receive(2))["type"] == "typing"


async def test_who_is_no_member_or_was_removed_types_to_nobody(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with greeted(read, "alice") as alice, greeted(read, "bob") as bob, greeted(read, "mallory") as mallory:
            for talk in (alice, bob, mallory):
                await talk.until("caught_up")
            await mallory.send(type="typing", conversation=room)
            await silent(alice, 0.5)
            async with httpx.AsyncClient() as client:
                body = {"id": str(uuid4()), "user": "bob"}
                await client.post(f"{write.url}/v1/conversations/{room}/remove", json=body, headers=bearer("alice"))
            await alice.until("events")
            await bob.until("inbox")
            await bob.send(type="typing", conversation=room)
            await silent(alice, 0.5)
            await alice.send(type="typing", conversation=room)
            assert (await alice.until("typing", 2))["user"] == "alice"
            await silent(bob, 0.5)


async def test_signals_that_are_none_harm_nobody(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        bus = redis.asyncio.Redis.from_url(site.redis_url)
        async with greeted(read, "alice") as alice:
            await alice.until("caught_up")
            for poison in (b"S1 ", b"S1 a\n{}", b"S1 a %ff\n{}", b"S1 a bob\nno", b"S9 a bob\n{}", b"S1 a b c\n{}"):
                await bus.publish(channel_name(site.prefix, UUID(room)), poison)
            await post(write, "alice", room, "real")
            assert [event["seq"] for event in await alice.events(2, after=1)] == [2]
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"{read.url}/metrics")).text
        await bus.aclose()
        assert "ringpost_read_signals_poison_total 5.0" in metrics


async def test_who_has_something_unread_is_spared_typing_and_gets_every_event(site: Site) -> None:
    async with running(site):
        write = await site.start("write", rate_user="0")
        read = await site.start("read", socket_buffer_bytes=str(64 << 20))
        room = await create(write, "alice", "bob")
        async with greeted(read, "alice") as alice, greeted(read, "bob") as bob:
            await alice.until("caught_up")
            for n in range(30):
                body = [{"id": str(uuid4()), "text": f"{n}" + "x" * 7900} for _ in range(60)]
                async with httpx.AsyncClient(timeout=20) as client:
                    url = f"{write.url}/v1/conversations/{room}/messages"
                    assert (await client.post(url, json=body, headers=bearer("alice"))).status_code == 200
            await alice.events(1801, after=1)
            await alice.send(type="typing", conversation=room)
            await alice.until("typing", 3)
            assert await figure(read, "read_offers_dropped_total") == 1
            assert len(await bob.events(1801)) == 1801
            await silent(bob, 0.5)


async def test_with_redis_away_a_gateway_s_own_sockets_still_hear_and_nothing_is_known_of_presence(site: Site) -> None:
    async with running(site):
        both = await site.start("both", redis_url="redis://127.0.0.1:1/0")
        room = await create(both, "alice", "bob")
        async with greeted(both, "alice") as alice, greeted(both, "bob") as bob:
            for talk in (alice, bob):
                await talk.until("caught_up")
            await alice.send(type="typing", conversation=room)
            assert (await bob.until("typing", 2))["user"] == "alice"
            await alice.send(type="read", conversation=room, seq=1)
            assert (await alice.until("read", 3))["seq"] == 1
            assert (await bob.until("receipts", 3))["members"] == {"alice": {"read": 1, "delivered": 1}}
            await alice.send(type="watch", users=["bob"])
            assert await alice.until("presence", 5) == {"type": "presence", "users": {}}
        assert await figure(both, "read_signals_dropped_total") >= 3
