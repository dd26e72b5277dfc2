"""Read markers and what is unread: the same on every device, whatever was lost on the way."""

import random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.gateways import Process, Site, bearer, running
from tests.talk import Talk, create, greeted, post


async def listed(read: Process, user: str) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{read.url}/v1/conversations", headers=bearer(user))
    (one,) = answer.json()["conversations"]
    return dict(one)


async def change(write: Process, user: str, room: str, **body: Any) -> int:
    async with httpx.AsyncClient(timeout=20) as client:
        url = f"{write.url}/v1/conversations/{room}/messages"
        answer = await client.post(url, json={"id": str(uuid4())} | body, headers=bearer(user))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["seq"])


async def mark(read: Process, user: str, room: str, seq: int) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        url = f"{read.url}/v1/conversations/{room}/read"
        return await client.post(url, json={"seq": seq}, headers=bearer(user))


async def test_a_marker_moved_at_one_gateway_is_heard_by_the_user_s_sockets_at_another_and_by_nobody_else(site: Site) -> None:
    async with running(site):
        write, one, other = await site.start("write"), await site.start("read"), await site.start("read")
        room = await create(write, "alice", "bob")
        for n in range(3):
            await post(write, "alice", room, f"m{n}")
        async with greeted(one, "bob") as phone, greeted(other, "bob") as laptop, greeted(other, "alice") as alice:
            for talk in (phone, laptop, alice):
                await talk.until("caught_up")
            await phone.send(type="read", conversation=room, seq=3)
            expected = {"type": "read", "conversation": room, "seq": 3, "head": 4, "unread": 1}
            assert await laptop.until("read") == expected
            assert await phone.until("read") == expected
            await alice.until("receipts")
            await alice.send(type="ping")
            assert await alice.receive() == {"type": "pong"}
        async with greeted(other, "bob") as again:
            assert again.welcome["markers"] == {room: 3}


async def test_own_messages_edits_reactions_and_deletions_add_nothing_and_a_deleted_one_still_counts(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        first = await change(write, "alice", room, text="one")
        await change(write, "alice", room, text="two")
        assert (await listed(read, "bob"))["unread"] == 2

        await change(write, "bob", room, text="mine")
        await change(write, "alice", room, type="edit", seq=first, text="One")
        await change(write, "alice", room, type="react", seq=first, emoji="x")
        assert (await listed(read, "bob"))["unread"] == 2
        await change(write, "alice", room, type="delete", seq=first)
        assert (await listed(read, "bob"))["unread"] == 2

        assert (await mark(read, "bob", room, first)).json() == {"conversation": room, "seq": 2, "head": 7, "unread": 1}
        assert (await listed(read, "alice"))["unread"] == 1


async def test_a_marker_by_http_never_goes_back_nor_beyond_the_head_and_a_stranger_s_is_not_found(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        for n in range(3):
            await post(write, "alice", room, f"m{n}")
        for seq, expected in ((3, 3), (2, 3), (10**6, 3), (4, 4)):
            answer = await mark(read, "bob", room, seq)
            assert (answer.status_code, answer.json()["seq"]) == (200, expected)
        theirs, nobodys = await mark(read, "mallory", room, 2), await mark(read, "mallory", str(uuid4()), 2)
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() == nobodys.json()


async def test_nothing_from_before_one_s_joining_is_unread(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        for n in range(5):
            await post(write, "alice", room, f"m{n}")
        async with httpx.AsyncClient() as client:
            body = {"id": str(uuid4()), "user": "bob"}
            await client.post(f"{write.url}/v1/conversations/{room}/members", json=body, headers=bearer("alice"))
        assert (await listed(read, "bob"))["unread"] == 0
        await post(write, "alice", room, "hello bob")
        assert (await listed(read, "bob"))["unread"] == 1


async def test_a_thousand_own_messages_without_a_marker_are_counted_once_and_stay_right(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write", rate_user="0", rate_conversation="0"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with httpx.AsyncClient(timeout=20) as client:
            for n in range(12):
                body = [{"id": str(uuid4()), "text": f"{n}"} for _ in range(100)]
                await client.post(f"{write.url}/v1/conversations/{room}/messages", json=body, headers=bearer("bob"))
        await change(write, "alice", room, text="one")
        assert [(await listed(read, "bob"))["unread"] for _ in range(3)] == [1, 1, 1]
        assert await remembered(site, room, "bob") == (1, 1202, 1200)
        for text in ("two", "three"):
            await change(write, "alice", room, text=text)
            await change(write, "bob", room, text="mine")
        assert [(await listed(read, user))["unread"] for user in ("bob", "alice")] == [3, 1202]
        for seq, unread in ((600, 3), (1202, 2), (1206, 0)):
            assert (await mark(read, "bob", room, seq)).json()["unread"] == unread
            assert (await listed(read, "bob"))["unread"] == unread


async def remembered(site: Site, room: str, user: str) -> tuple[int, ...]:
    connection = await asyncpg.connect(site.postgres_url)
    query = "SELECT own_from, own_upto, own_messages FROM members WHERE conversation_id = $1 AND user_id = $2"
    row = await connection.fetchrow(query, UUID(room), user)
    await connection.close()
    return tuple(row)


class Device:
    """What a client keeps: which messages of others it saw, and what it last heard of its marker. Unread follows from these."""

    def __init__(self, talk: Talk, user: str) -> None:
        self._talk, self._user = talk, user
        self._theirs: set[int] = set()
        self._told: dict[str, Any] = {"seq": 0, "head": 0, "unread": 0}
        self._seen = 0

    async def catch_up(self, upto: int, marker: int) -> None:
        while self._seen < upto or self._told["seq"] < marker:
            frame = await self._talk.receive()
            if frame["type"] == "events":
                self._seen = frame["to"]
                self._theirs |= {e["seq"] for e in frame["events"] if e["type"] == "message" and e["sender"] != self._user}
            elif frame["type"] == "read":
                self._told = frame

    @property
    def unread(self) -> int:
        later = {seq for seq in self._theirs if seq > self._told["head"]}
        return int(self._told["unread"]) + len(later)


@pytest.mark.parametrize("seed", range(3))
async def test_two_devices_at_two_gateways_count_as_the_service_does(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    async with running(site):
        write, one, other = await site.start("write"), await site.start("read"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with greeted(one, "bob") as phone, greeted(other, "bob") as laptop:
            devices = [Device(phone, "bob"), Device(laptop, "bob")]
            head, marker = 1, 0
            for _ in range(6):
                for _ in range(chance.randrange(6)):
                    head = await change(write, *chance.choice((("alice", room), ("bob", room))), text="a message")
                if chance.random() < 0.5 and head > marker:
                    marker = chance.randint(marker + 1, head)
                    await chance.choice((phone, laptop)).send(type="read", conversation=room, seq=marker)
                for device in devices:
                    await device.catch_up(head, marker)
                now = await listed(other, "bob")
                assert (now["head"], now["read"]) == (head, marker)
                assert [device.unread for device in devices] == [now["unread"]] * 2
