"""The Python client while gateways stop: another socket before the old one is gone, and an app that notices nothing."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ringpost_client import Ack, Client, Options, State

from deploy.replay.polling import until
from tests.gateways import Process, Site, free_port, running, token
from tests.talk import create, post
from tests.wire import wired

SPEAKING_S = 0.02
UNHURRIED = {"drain_settle_s": "1", "drain_spread_s": "8"}


class Ear:
    """Reads with a client: the seqs of a conversation, and every change of a socket's state."""

    def __init__(self, urls: tuple[str, str], user: str) -> None:
        self.states: list[State] = []
        self.seqs: list[int] = []
        options = Options(backoff_base_s=0.1, backoff_cap_s=0.5)
        self.client = Client(*urls, token(user), options=options, on_state=self.states.append)

    async def say(self, room: str, text: str) -> asyncio.Future[Ack]:
        return (await self.client.conversation(room).send(text)).acknowledged

    async def read(self, room: str) -> None:
        async for event in self.client.events():
            if event.conversation == room:
                self.seqs.append(event.seq)

    async def until(self, seq: int) -> None:
        async with asyncio.timeout(20):
            await until(lambda: bool(self.seqs) and self.seqs[-1] >= seq, 0.01)

    async def moved(self, times: int) -> None:
        async with asyncio.timeout(20):
            await until(lambda: self.client.moves >= times, 0.01)


@asynccontextmanager
async def hearing(urls: tuple[str, str], user: str, room: str) -> AsyncIterator[Ear]:
    ear = Ear(urls, user)
    async with ear.client:
        reading = asyncio.create_task(ear.read(room))
        async with asyncio.timeout(20):
            await ear.client.caught_up.wait()
        yield ear
        reading.cancel()


async def drain(process: Process) -> None:
    """Stop it as a deploy does, and wait until it has gone by itself."""
    process.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        assert await process.ended() == 0


async def roll(site: Site, role: str, gateways: list[Process]) -> None:
    """Replace the gateways of a role one after another."""
    for gateway in gateways:
        await site.start(role, **UNHURRIED)
        await asyncio.sleep(1.5)  # the router looks twice a second
        await drain(gateway)


async def test_all_gateways_are_replaced_while_people_chat_and_nobody_notices(site: Site) -> None:
    async with running(site):
        readers = [await site.start("read", **UNHURRIED) for _ in range(2)]
        writers = [await site.start("write", **UNHURRIED) for _ in range(2)]
        urls = await site.start_router()
        room = await create(writers[0], "alice", "bob")
        async with hearing(urls, "alice", room) as alice, hearing(urls, "bob", room) as bob:
            acks = [await alice.say(room, "first")]
            rolling = asyncio.gather(roll(site, "read", readers), roll(site, "write", writers))
            while not rolling.done():
                acks.append(await alice.say(room, f"{len(acks)}"))
                await asyncio.sleep(SPEAKING_S)
            await rolling
            async with asyncio.timeout(20):
                stored = [await ack for ack in acks]
            await bob.until(stored[-1].seq)

    last = len(acks) + 1
    assert [ack.seq for ack in stored] == list(range(2, last + 1))
    assert {ack.attempts for ack in stored} == {1}
    assert bob.seqs == list(range(1, last + 1))
    assert bob.client.moves >= 1
    assert alice.client.moves >= 2
    for ear in (alice, bob):
        assert all(state.is_up for state in ear.states), ear.states
        assert (ear.client.reconnects, ear.client.without_socket_s) == (0, 0)


async def test_who_finds_nobody_or_the_same_gateway_again_stays_and_tries_again(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        old = await site.start("read", name="reader", **UNHURRIED)
        same, other = await site.start("read", name="reader"), await site.start("read", name="other")
        room = await create(write, "alice")
        async with wired(old.url) as (url, wire), hearing((url, write.url), "alice", room) as alice:
            old.signal(signal.SIGTERM)
            await asyncio.sleep(2)  # it has settled, and its listener is closed
            await post(write, "alice", room, "nobody there")
            await alice.until(2)
            wire.lead_to(same.url)
            await asyncio.sleep(2.5)
            await post(write, "alice", room, "the same again")
            await alice.until(3)
            assert alice.client.moves == 0
            wire.lead_to(other.url)
            await alice.moved(1)
            await post(write, "alice", room, "another one")
            await alice.until(4)

    assert alice.seqs == [1, 2, 3, 4]
    assert all(state.is_up for state in alice.states)
    assert (alice.client.reconnects, alice.client.without_socket_s) == (0, 0)


async def test_who_finds_nobody_in_time_is_away_and_comes_back_whole(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        old = await site.start("read", drain_spread_s="1")
        room = await create(write, "alice")
        async with wired(old.url) as (url, wire), hearing((url, write.url), "alice", room) as alice:
            wire.lead_to(f"http://127.0.0.1:{free_port()}")
            await drain(old)
            await post(write, "alice", room, "meanwhile")
            next_one = await site.start("read")
            wire.lead_to(next_one.url)
            await alice.until(2)

    assert alice.seqs == [1, 2]
    assert [state.is_up for state in alice.states if state.service == "read"] == [True, False, True]
    assert "4000" in alice.states[1].reason
    assert (alice.client.moves, alice.client.reconnects) == (0, 1)
    assert alice.client.without_socket_s > 1  # it was alone, and said to wait so long


async def test_a_service_that_fell_silent_is_given_up_within_two_and_a_half_heartbeats(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read", heartbeat_s="1")
        room = await create(write, "alice")
        async with wired(read.url) as (url, wire), hearing((url, write.url), "alice", room) as alice:
            await asyncio.sleep(1.5)
            wire.hold()
            held_at = time.monotonic()
            async with asyncio.timeout(10):
                await until(lambda: not alice.states[-1].is_up, 0.01)
            assert 1.0 < time.monotonic() - held_at < 3.0  # 2.5 s from the last pong on, which came up to 1 s before
