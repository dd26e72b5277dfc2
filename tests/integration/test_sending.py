"""Sends, through real gateways, into a real Postgres."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.gateways import ADMIN, Site, bearer, running
from tests.talk import create, greeted, post


async def test_fifty_retries_of_one_id_through_two_gateways_are_one_row_and_one_seq(site: Site) -> None:
    async with running(site):
        gateways = [await site.start("write"), await site.start("write")]
        room = await create(gateways[0], "alice")
        id = str(uuid4())

        answers = await asyncio.gather(*(post(gateways[n % 2], "alice", room, "once", id) for n in range(50)))

        assert {answer.status_code for answer in answers} == {200, 201}
        assert {answer.json()["seq"] for answer in answers} == {2}
        assert len({answer.json()["at"] for answer in answers}) == 1
        assert [answer.status_code for answer in answers].count(201) == 1
        other = await post(gateways[0], "alice", room, "another body", id)
        assert (other.status_code, other.json()["code"]) == (409, "id_reused")
        assert await rows(site, room) == [(1, "created", None), (2, "message", "once")]


async def test_writers_at_two_gateways_number_without_hole_or_repeat(site: Site) -> None:
    async with running(site):
        gateways = [await site.start("write"), await site.start("write")]
        room = await create(gateways[0], "alice", "bob")

        async def write(n: int) -> list[int]:
            async with greeted(gateways[n], ("alice", "bob")[n]) as talk:
                for i in range(300):
                    await talk.send(type="send", conversation=room, id=str(uuid4()), text=f"{n} {i}")
                seqs: list[int] = []
                while len(seqs) < 300:
                    seqs += [ack["seq"] for ack in (await talk.until("acks"))["acks"]]
                return seqs

        both = await asyncio.gather(write(0), write(1))

        assert all(seqs == sorted(seqs) for seqs in both)
        assert sorted(both[0] + both[1]) == list(range(2, 602))
        stored = await rows(site, room)
        assert [seq for seq, _, _ in stored] == list(range(1, 602))
        for n in range(2):
            mine = [text for _, _, text in stored if text and text.startswith(f"{n} ")]
            assert mine == [f"{n} {i}" for i in range(300)]


async def test_the_same_id_twice_in_one_batch_is_one_message(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice")
        id = str(uuid4())
        async with greeted(write, "alice") as talk:
            for text in ("a", "a", "b"):
                await talk.send(type="send", conversation=room, id=id, text=text)
            acks: list[dict[str, Any]] = []
            errors: list[dict[str, Any]] = []
            while len(acks) + len(errors) < 3:
                frame = await talk.receive()
                acks += frame.get("acks", [])
                errors += [frame] if frame["type"] == "error" else []

        assert [(ack["seq"], ack["duplicate"]) for ack in acks] == [(2, False), (2, True)]
        assert [error["code"] for error in errors] == ["id_reused"]


async def test_strangers_and_ghosts_get_the_same_answer(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice")

        stranger = await post(write, "mallory", room, "hello")
        ghost = await post(write, "mallory", str(uuid4()), "hello")

        assert stranger.status_code == ghost.status_code == 404
        assert stranger.json() == ghost.json()


async def test_who_may_add_members(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice", "bob")
        async with httpx.AsyncClient() as client:

            async def add(headers: dict[str, str], user: str, role: str = "member", id: str = "") -> httpx.Response:
                body = {"id": id or str(uuid4()), "user": user, "role": role}
                return await client.post(f"{write.url}/v1/conversations/{room}/members", json=body, headers=headers)

            assert (await add(bearer("bob"), "carol")).status_code == 403
            assert (await add(bearer("mallory"), "carol")).status_code == 404
            id = str(uuid4())
            first = await add(bearer("alice"), "carol", "moderator", id)
            again = await add(bearer("alice"), "carol", "moderator", id)
            assert (first.status_code, again.status_code) == (201, 200)
            assert first.json() == again.json()
            assert (await add(bearer("alice"), "carol", "member", id)).json()["code"] == "id_reused"
            assert (await add(bearer("alice"), "carol")).json()["code"] == "already_member"
            assert (await add(bearer("carol"), "dave")).status_code == 201
            assert (await add(bearer("carol"), "erin", "owner")).status_code == 403
            assert (await add(ADMIN, "erin", "owner")).status_code == 201


async def test_creating_a_conversation_again_finds_it(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        body = {"id": str(uuid4()), "title": "tea", "members": ["bob", "bob", "alice"]}
        async with httpx.AsyncClient() as client:
            url = f"{write.url}/v1/conversations"
            first = await client.post(url, json=body, headers=bearer("alice"))
            again = await client.post(url, json=body, headers=bearer("alice"))
            other = await client.post(url, json=body | {"title": "coffee"}, headers=bearer("alice"))
            others = await client.post(url, json=body, headers=bearer("bob"))
            nameless = await client.post(url, json=body, headers=ADMIN)
            admins = await client.post(url, json=body | {"owner": "alice"}, headers=ADMIN)

        assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
        assert first.json() == again.json()
        assert others.json()["conversation"] != first.json()["conversation"]
        assert nameless.status_code == 422
        assert admins.status_code == 201


async def test_a_race_to_create_one_conversation_makes_one(site: Site) -> None:
    async with running(site):
        gateways = [await site.start("write"), await site.start("write")]
        body = {"id": str(uuid4()), "members": ["bob", "carol"]}
        async with httpx.AsyncClient() as client:
            answers = await asyncio.gather(
                *(client.post(f"{gateways[n % 2].url}/v1/conversations", json=body, headers=bearer("alice")) for n in range(20))
            )

        assert sorted({answer.status_code for answer in answers}) == [200, 201]
        assert len({answer.text for answer in answers}) == 1


async def rows(site: Site, room: str) -> list[tuple[int, str, str | None]]:
    connection = await asyncpg.connect(site.postgres_url)
    found = await connection.fetch("SELECT seq, type, text FROM events WHERE conversation_id = $1 ORDER BY seq", room)
    await connection.close()
    return [tuple(row) for row in found]
