"""Receipts: each member's marks in a small conversation, counts in a large one."""

import asyncio
import time
from typing import Any

import httpx

from shared.auth import sign
from tests.gateways import JWT_KEY, Process, Site, bearer, running
from tests.talk import create, greeted, opened, post


async def receipts(read: Process, user: str, room: str, query: str = "") -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{read.url}/v1/conversations/{room}/receipts{query}", headers=bearer(user))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_members_hear_how_far_the_others_have_come_at_every_gateway(site: Site) -> None:
    async with running(site):
        write, one, other = await site.start("write"), await site.start("read"), await site.start("read")
        room = await create(write, "alice", "bob")
        for n in range(3):
            await post(write, "alice", room, f"m{n}")
        async with greeted(one, "bob") as bob, greeted(other, "alice") as alice:
            for talk in (bob, alice):
                await talk.until("caught_up")
            await bob.send(type="delivered", conversation=room, seq=4)
            told = {"type": "receipts", "conversation": room, "members": {"bob": {"read": 0, "delivered": 4}}}
            assert await alice.receive(3) == told
            assert await bob.receive(3) == told
            await bob.send(type="read", conversation=room, seq=3)
            assert (await alice.receive(3))["members"] == {"bob": {"read": 3, "delivered": 4}}
        found = await receipts(other, "alice", room)
        assert found["members"] == [{"user": "alice", "read": 0, "delivered": 0}, {"user": "bob", "read": 3, "delivered": 4}]
        assert [found[name] for name in ("head", "seq", "of", "delivered", "read")] == [4, 4, 2, 1, 0]
        at_three = await receipts(other, "alice", room, "?seq=3")
        assert [at_three[name] for name in ("seq", "delivered", "read")] == [3, 1, 1]


async def test_what_was_read_was_delivered(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        await post(write, "alice", room, "hello")
        async with greeted(read, "bob") as bob:
            await bob.until("caught_up")
            await bob.send(type="read", conversation=room, seq=2)
            await bob.send(type="delivered", conversation=room, seq=1)
            assert (await bob.until("receipts", 3))["members"] == {"bob": {"read": 2, "delivered": 2}}


async def test_a_large_conversation_has_counts_alone_and_nobody_is_told_of_each(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        members = [f"u{n}" for n in range(50)]
        room = await create(write, "alice", *members)
        await post(write, "alice", room, "hello")
        async with greeted(read, "alice") as alice, greeted(read, "u1") as talk:
            for each in (alice, talk):
                await each.until("caught_up")
            await talk.send(type="read", conversation=room, seq=2)
            assert (await talk.until("read", 3))["seq"] == 2
            await alice.send(type="ping")
            assert await alice.receive() == {"type": "pong"}
        found = await receipts(read, "alice", room)
        assert [found[name] for name in ("seq", "of", "delivered", "read", "members")] == [2, 51, 1, 1, None]


async def test_a_stranger_learns_nothing_of_receipts(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{read.url}/v1/conversations/{room}/receipts", headers=bearer("mallory"))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_members_are_shown_by_the_names_of_their_latest_tokens(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        for name in ("Bob", "Robert", None):
            async with opened(read) as talk:
                await talk.send(type="hello", token=sign(JWT_KEY, "bob", 60, time.time(), name))
                await talk.until("caught_up")
        for _ in range(20):
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{read.url}/v1/conversations/{room}/members", headers=bearer("alice"))
            told = {member["user"]: (member["name"], member["picture"]) for member in answer.json()["members"]}
            if told == {"alice": (None, None), "bob": ("Robert", None)}:
                return
            await asyncio.sleep(0.2)
        raise AssertionError(told)
