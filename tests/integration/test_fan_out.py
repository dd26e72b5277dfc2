"""A busy room: what is pushed to many sockets at once is the log for each of them, whoever comes and goes meanwhile."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from tests.gateways import Process, Site, bearer
from tests.talk import create, greeted

MESSAGES = 400


async def _chatter(write: Process, room: str) -> None:
    async with greeted(write, "alice") as talk:
        for n in range(MESSAGES):
            await talk.send(type="send", conversation=room, id=str(uuid4()), text=str(n))
            if n % 20 == 0:
                await asyncio.sleep(0.01)
        acked = 0
        while acked < MESSAGES:
            acked += len((await talk.until("acks"))["acks"])


async def test_who_comes_in_the_middle_gets_the_rest_once_and_in_order(site: Site) -> None:
    write, read = await site.start("write", rate_user="0"), await site.start("read")
    users = [f"user-{n}" for n in range(30)]
    room = await create(write, "alice", *users)
    head = MESSAGES + 1

    async def watch(user: str, after_s: float) -> tuple[int, list[int]]:
        await asyncio.sleep(after_s)
        async with greeted(read, user, inbox=1) as talk:
            start = talk.welcome["ranges"][0]["from"]
            return start, [event["seq"] for event in await talk.events(head, start - 1)]

    watching = [asyncio.create_task(watch(user, n * 0.01)) for n, user in enumerate(users)]
    await asyncio.sleep(0.05)
    await _chatter(write, room)
    for start, seqs in await asyncio.gather(*watching):
        assert seqs == list(range(start, head + 1))


async def test_who_is_removed_in_the_middle_gets_that_and_nothing_after_it(site: Site) -> None:
    write, read = await site.start("write", rate_user="0"), await site.start("read")
    room = await create(write, "alice", "bob", "mallory")
    frames: list[dict[str, Any]] = []
    async with greeted(read, "mallory", inbox=1) as mallory, greeted(read, "bob", inbox=1) as bob:
        await mallory.until("caught_up")
        await bob.until("caught_up")
        chatting = asyncio.create_task(_chatter(write, room))
        await asyncio.sleep(0.1)
        async with httpx.AsyncClient() as http:
            url = f"{write.url}/v1/conversations/{room}/remove"
            removal = await http.post(url, json={"id": str(uuid4()), "user": "mallory"}, headers=bearer("alice"))
        await chatting
        await bob.events(MESSAGES + 2, 1)
        await mallory.send(type="ping")
        while (frame := await mallory.receive())["type"] != "pong":
            frames.append(frame)
    seqs = [event["seq"] for frame in frames if frame["type"] == "events" for event in frame["events"]]
    assert seqs == list(range(2, removal.json()["seq"] + 1))
