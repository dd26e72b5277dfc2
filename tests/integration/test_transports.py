"""One cursor for all transports: whoever reads by any of them, or by one after the other, reads the same log."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.replay.irc import read_log
from tests.chat import make_logs
from tests.event_stream import streaming
from tests.gateways import Process, Site, bearer, running
from tests.talk import create, greeted

LINES, PAUSE_S, TURN_S, WHOLE_S = 80, 0.03, 0.3, 60.0


@dataclass(slots=True)
class Seen:
    """What a reader has: each conversation's events, of which there are to be as many as *goal* says, and the cursor."""

    goal: int
    epoch: str | None = None
    inbox: int = 0
    logs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def cursor(self) -> dict[str, Any]:
        about = {} if self.epoch is None else {"epoch": self.epoch}
        return about | {"inbox": self.inbox, "positions": {room: len(events) for room, events in self.logs.items()}}

    @property
    def is_complete(self) -> bool:
        return sum(map(len, self.logs.values())) >= self.goal

    def take(self, frame: Mapping[str, Any]) -> None:
        """Take a frame; a range must go on where the last one ended."""
        match frame["type"]:
            case "welcome":
                self.epoch = frame["epoch"]
                self.name(frame["ranges"])
            case "range":
                self.name([frame])
            case "inbox":
                self.take_inbox(frame)
            case "events":
                self.take_events(frame["conversation"], frame)

    def name(self, ranges: Sequence[Mapping[str, Any]]) -> None:
        for one in ranges:
            log = self.logs.setdefault(one["conversation"], [])
            assert (one["from"], one["complete"]) == (len(log) + 1, True)

    def take_inbox(self, page: Mapping[str, Any]) -> None:
        assert page["from"] == self.inbox + 1
        self.inbox = page["to"]
        for event in page["events"]:
            self.logs.setdefault(event["conversation"], [])

    def take_events(self, conversation: str, page: Mapping[str, Any]) -> None:
        log = self.logs[conversation]
        assert page["from"] == len(log) + 1
        log += page["events"]
        assert [event["seq"] for event in log] == list(range(1, page["to"] + 1))


Way = Callable[[Process, str, Seen], Awaitable[None]]


async def by_socket(read: Process, user: str, seen: Seen) -> None:
    async with greeted(read, user, **seen.cursor) as talk:
        seen.take(talk.welcome)
        while not seen.is_complete:
            seen.take(await talk.receive())


async def by_stream(read: Process, user: str, seen: Seen) -> None:
    async with streaming(read, user, **seen.cursor) as stream:
        seen.take(stream.welcome)
        while not seen.is_complete:
            seen.take((await stream.receive()).frame)


async def by_poll(read: Process, user: str, seen: Seen) -> None:
    async with httpx.AsyncClient(timeout=30, headers=bearer(user)) as client:
        while not seen.is_complete:
            answer = await client.post(f"{read.url}/v1/poll", json=seen.cursor | {"wait_s": 5, "limit": 20})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            seen.epoch = page["epoch"]
            seen.name(page["ranges"])
            if page["inbox"] is not None:
                seen.take_inbox(page["inbox"])
            for one in page["conversations"]:
                seen.take_events(one["conversation"], one)


async def by_get(read: Process, user: str, seen: Seen) -> None:
    async with httpx.AsyncClient(timeout=30, headers=bearer(user)) as client:
        while not seen.is_complete:
            listed = (await client.get(f"{read.url}/v1/conversations")).json()
            seen.epoch = listed["epoch"]
            for room in (row["conversation"] for row in listed["conversations"]):
                after = len(seen.logs.setdefault(room, []))
                page = (await client.get(f"{read.url}/v1/conversations/{room}/events?after={after}&limit=20")).json()
                if page["events"]:
                    seen.take_events(room, page)
            seen.inbox = listed["inbox"]
            await asyncio.sleep(PAUSE_S)


WAYS: dict[str, Way] = {"socket": by_socket, "stream": by_stream, "poll": by_poll, "get": by_get}


async def stay(way: Way, read: Process, user: str, goal: int) -> Seen:
    seen = Seen(goal)
    await way(read, user, seen)
    return seen


async def switch(reads: Sequence[Process], user: str, goal: int, chance: random.Random) -> Seen:
    """Go on by another transport at some gateway every TURN_S, wherever the last one was."""
    seen, ways = Seen(goal), list(WAYS.values())
    while not seen.is_complete:
        chance.shuffle(ways)
        for way in ways:
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0.5, 1.5) * TURN_S):
                    await way(chance.choice(reads), user, seen)
    return seen


async def chat(write: Process, texts: Sequence[str], starts_after_s: float) -> str:
    """Say *texts* in a new conversation; return its id."""
    await asyncio.sleep(starts_after_s)
    room = await create(write, "alice", "bob")
    async with httpx.AsyncClient(timeout=20, headers=bearer("alice")) as client:
        for text in texts:
            body = {"id": str(uuid4()), "text": text}
            answer = await client.post(f"{write.url}/v1/conversations/{room}/messages", json=body)
            assert answer.status_code == 201, answer.text
            await asyncio.sleep(PAUSE_S)
    return room


@pytest.mark.timeout(2 * WHOLE_S)
async def test_every_transport_and_whoever_changes_between_them_reads_the_same_logs(site: Site, tmp_path: Path) -> None:
    said = [[one.text for one in read_log(path).said] for path in make_logs(tmp_path, 2, LINES)]
    goal = sum(len(texts) + 1 for texts in said)
    async with running(site):
        write = await site.start("write", rate_user="0", rate_conversation="0")
        reads = [await site.start("read"), await site.start("read")]
        async with asyncio.timeout(WHOLE_S), asyncio.TaskGroup() as tasks:
            chats = [tasks.create_task(chat(write, texts, number)) for number, texts in enumerate(said)]
            readers = [tasks.create_task(stay(way, reads[0], "bob", goal)) for way in WAYS.values()]
            readers += [tasks.create_task(switch(reads, "bob", goal, random.Random(seed))) for seed in range(2)]

    rooms = [each.result() for each in chats]
    first = readers[0].result().logs
    assert [[event["text"] for event in first[room][1:]] for room in rooms] == said
    for reader in readers[1:]:
        assert reader.result().logs == first
