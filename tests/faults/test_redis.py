"""Redis flushed, killed, stopped, its subscribers cut, and lies on its channels, all during sends: watchers get everything.

Each repair is counted.
"""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import redis.asyncio

from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.valkey import ValkeyServer, prepare_valkey
from shared import frames
from shared.bus.payload import Payload, channel_name, pack
from tests.gateways import Process, Site, running
from tests.talk import create, greeted, post

WATCHERS, SENDS_S, REPAIR_S = 3, 6.0, 4.0


@dataclass(slots=True)
class Stand:
    """A Redis of the test's own, gateways on it, and a room that is sent to and watched."""

    server: ValkeyServer
    site: Site
    log: Path
    process: subprocess.Popen[bytes] | None = None
    read: Process | None = None
    room: str = ""
    epoch: UUID = field(default_factory=uuid4)
    head: int = 1

    def start_redis(self) -> None:
        with self.log.open("ab") as output:
            self.process = spawn(self.server.command, output)
        deadline = time.monotonic() + 10
        while not self.server.is_ready(self.process.pid):
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)

    def signal_redis(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number is signal.SIGKILL:
            self.process.wait()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[redis.asyncio.Redis]:
        client = redis.asyncio.Redis.from_url(self.server.url)
        yield client
        await client.aclose()

    async def figures(self) -> dict[str, float]:
        assert self.read is not None
        async with httpx.AsyncClient() as client:
            lines = (await client.get(f"{self.read.url}/metrics")).text.splitlines()
        pairs = [line.rpartition(" ") for line in lines if line.startswith("ringpost_read_")]
        return {name.removeprefix("ringpost_read_"): float(value) for name, _, value in pairs}


@pytest.fixture
async def stand(postgres_url: str, prefix: str, folder: Path) -> AsyncIterator[Stand]:
    server = prepare_valkey(token_hex(16), choose_account())
    stand = Stand(server, Site(postgres_url, server.url, prefix), folder / f"valkey-{prefix}.log")
    stand.start_redis()
    async with running(stand.site):
        yield stand
    assert stand.process is not None
    stand.process.send_signal(signal.SIGCONT)
    stand.process.kill()
    stand.process.wait()


async def flush(stand: Stand) -> None:
    async with stand.client() as client:
        await client.flushall()


async def kill(stand: Stand) -> None:
    stand.signal_redis(signal.SIGKILL)
    await asyncio.sleep(0.5)
    stand.start_redis()


async def stop_for_a_while(stand: Stand) -> None:
    stand.signal_redis(signal.SIGSTOP)
    await asyncio.sleep(1.5)
    stand.signal_redis(signal.SIGCONT)


async def cut_subscribers(stand: Stand) -> None:
    async with stand.client() as client:
        await client.client_kill_filter(_type="pubsub")


async def publish(stand: Stand, *payloads: bytes) -> None:
    async with stand.client() as client:
        for data in payloads:
            await client.publish(channel_name(stand.site.prefix, UUID(stand.room)), data)


def lie(stand: Stand, first: int, last: int, epoch: UUID | None = None) -> bytes:
    events = [{"seq": seq, "type": "message", "text": "a lie"} for seq in range(first, last + 1)]
    return pack(Payload(epoch or stand.epoch, 0, first, last, frames.events_frame(UUID(stand.room), events)))


async def poison(stand: Stand) -> None:
    await publish(stand, b"", b"\xff\xfe", b"2 nonsense", lie(stand, 1, 1)[:40])


async def repeat(stand: Stand) -> None:
    await publish(stand, lie(stand, 1, 1), lie(stand, 1, 1))


async def reorder(stand: Stand) -> None:
    await publish(stand, lie(stand, stand.head + 10_000, stand.head + 10_001))


async def speak_of_another_epoch(stand: Stand) -> None:
    await publish(stand, lie(stand, stand.head + 1, stand.head + 1, uuid4()))


FAULTS: dict[str, tuple[Callable[[Stand], Awaitable[None]], str | None]] = {
    "flushed": (flush, None),
    "killed": (kill, "repaired_events_total"),
    "stopped": (stop_for_a_while, "repaired_events_total"),
    "its subscribers cut": (cut_subscribers, "subscription_reconnects_total"),
    "a poisonous publication": (poison, "poison_total"),
    "a repeated publication": (repeat, "old_total"),
    "a reordered publication": (reorder, "early_total"),
    "a foreign epoch's publication": (speak_of_another_epoch, "foreign_epoch_total"),
}


async def send(stand: Stand, write: Process, until: float) -> list[str]:
    """Send until then, one after the other; return the texts that were acknowledged."""
    texts: list[str] = []
    while time.monotonic() < until:
        texts.append(f"message {len(texts)}")
        answer = await post(write, "alice", stand.room, texts[-1])
        assert answer.status_code == 201, answer.text
        stand.head = answer.json()["seq"]
        await asyncio.sleep(0.02)
    return texts


async def watch(read: Process, stand: Stand, head: asyncio.Future[int]) -> list[dict[str, Any]]:
    """Follow the room from its start up to the *head* that it turns out to have."""
    events: list[dict[str, Any]] = []
    async with greeted(read, "bob", positions={stand.room: 0}) as talk:
        stand.epoch = UUID(talk.welcome["epoch"])
        while not head.done() or len(events) < head.result():
            with contextlib.suppress(TimeoutError):
                frame = await talk.until("events", wait_s=0.2)
                assert frame["from"] == len(events) + 1
                events += frame["events"]
    return events


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=pytest.mark.slow if "publication" in fault else ()) for fault in FAULTS]
)
async def test_watchers_get_everything_whatever_redis_does(stand: Stand, fault: str) -> None:
    do, counted = FAULTS[fault]
    write = await stand.site.start("write", rate_user="0", redis_timeout_s="1")
    stand.read = read = await stand.site.start("read", redis_timeout_s="1")
    stand.room = await create(write, "alice", "bob")
    head: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    watching = [asyncio.create_task(watch(read, stand, head)) for _ in range(WATCHERS)]
    sending = asyncio.create_task(send(stand, write, time.monotonic() + SENDS_S))
    await asyncio.sleep(0.5)
    before = await stand.figures()
    for _ in range(3):
        await do(stand)
        await asyncio.sleep(0.3)
    texts = await sending
    head.set_result(stand.head)
    async with asyncio.timeout(REPAIR_S):
        seen = await asyncio.gather(*watching)
    after = await stand.figures()

    for events in seen:
        assert [event["seq"] for event in events] == list(range(1, stand.head + 1))
        assert [event.get("text") for event in events[1:]] == texts
    if counted is not None:
        assert after[counted] - before.get(counted, 0) >= 1, after
