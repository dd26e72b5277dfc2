"""What a stranger to a conversation learns of it: nothing, not even by the time that an answer takes."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.gateways import Process, Site, bearer, running
from tests.talk import create, post


async def _mark_of_the_last_lock(site: Site, conversation: str) -> Any:
    """Return what changes with each lock of the conversation's row, which has to be written to the disk with the commit."""
    connection = await asyncpg.connect(site.postgres_url)
    try:
        return await connection.fetchval("SELECT xmax FROM conversations WHERE conversation_id = $1", UUID(conversation))
    finally:
        await connection.close()


async def _change(write: Process, by: str, conversation: str, change: str, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        url = f"{write.url}/v1/conversations/{conversation}/{change}"
        return await http.post(url, json={"id": str(uuid4())} | body, headers=bearer(by))


async def test_a_strangers_changes_lock_nothing_as_if_there_were_no_such_conversation(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice", "bob")
        before = await _mark_of_the_last_lock(site, room)

        answers = [await post(write, "mallory", room, "knock")]
        answers += [await _change(write, "mallory", room, "title", title="Mine")]
        answers += [await _change(write, "mallory", room, "members", user="mallory")]
        answers += [await _change(write, "mallory", room, "join")]
        answers += [await _change(write, "mallory", room, "leave")]

        assert [answer.status_code for answer in answers] == [404] * len(answers)
        assert await _mark_of_the_last_lock(site, room) == before
        assert (await post(write, "bob", room, "hello")).status_code == 201
        assert await _mark_of_the_last_lock(site, room) != before


async def test_many_sends_of_a_stranger_lock_nothing_either(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room, own = await create(write, "alice"), await create(write, "mallory")
        before = await _mark_of_the_last_lock(site, room)

        async with httpx.AsyncClient() as http:
            url = f"{write.url}/v1/conversations/%s/messages"
            sends = [{"id": str(uuid4()), "text": str(n)} for n in range(20)]
            foreign = await http.post(url % room, json=sends, headers=bearer("mallory"))
            mine = await http.post(url % own, json=sends, headers=bearer("mallory"))

        assert {answer["status"] for answer in foreign.json()} == {404}
        assert {answer["status"] for answer in mine.json()} == {201}
        assert await _mark_of_the_last_lock(site, room) == before


async def test_who_was_removed_after_a_send_still_hears_its_seq(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice", "bob")
        id = str(uuid4())
        first = await post(write, "bob", room, "hello", id)
        assert (await _change(write, "alice", room, "remove", user="bob")).status_code == 201

        again = await post(write, "bob", room, "hello", id)

        assert (again.status_code, again.json()["seq"]) == (200, first.json()["seq"])
        assert (await post(write, "bob", room, "and more")).status_code == 404
