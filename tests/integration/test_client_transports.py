"""The Python client by any transport: the same log, where no WebSocket passes, and while transports change in mid-stream."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

import pytest
from ringpost_client import AUTO, Client, Options, State, Transport

from deploy.replay.polling import until
from tests.gateways import Process, Site, free_port, running, token
from tests.middlebox import SOCKET, STREAM, boxed
from tests.talk import create, post
from tests.wire import wired

WS, SSE, POLL = AUTO
WAIT_S = 30
IMPATIENT = Options(backoff_base_s=0.1, backoff_cap_s=0.3, climb_base_s=1.0, climb_cap_s=1.0)


class Ear:
    """Reads with a client: the seqs of a conversation, and what it was told of its sockets."""

    def __init__(self, urls: tuple[str, str], user: str, read_via: Sequence[Transport], **more: str) -> None:
        self.states: list[State] = []
        self.seqs: list[int] = []
        source = more.get("token", token(user))
        self.client = Client(*urls, source, read_via=read_via, options=IMPATIENT, on_state=self.states.append)

    async def read(self, room: str) -> None:
        async for event in self.client.events():
            if event.conversation == room:
                self.seqs.append(event.seq)

    async def until_seen(self, seq: int) -> None:
        async with asyncio.timeout(WAIT_S):
            await until(lambda: bool(self.seqs) and self.seqs[-1] >= seq, 0.01)

    async def until_by(self, via: Transport) -> None:
        async with asyncio.timeout(WAIT_S):
            await until(lambda: self.client.transport is via, 0.01)


@asynccontextmanager
async def hearing(urls: tuple[str, str], room: str, *read_via: Transport, user: str = "alice") -> AsyncIterator[Ear]:
    ear = Ear(urls, user, read_via or AUTO)
    async with ear.client:
        reading = asyncio.create_task(ear.read(room))
        async with asyncio.timeout(WAIT_S):
            await ear.client.caught_up.wait()
        yield ear
        reading.cancel()


async def say(write: Process, room: str, many: int, first: int) -> int:
    for n in range(first, first + many):
        assert (await post(write, "alice", room, f"{n}")).status_code == 201
    return first + many - 1


async def test_by_each_transport_and_by_all_in_turn_the_log_is_the_same(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        urls = (read.url, write.url)
        async with (
            hearing(urls, room, WS) as by_ws,
            hearing(urls, room, SSE) as by_sse,
            hearing(urls, room, POLL) as by_poll,
            hearing(urls, room, SSE) as mixed,
        ):
            chance, last = random.Random(1), 1
            for _ in range(20):
                mixed.client.read_by(chance.choice([WS, SSE, POLL]))
                last = await say(write, room, 5, last + 1)
            for ear in (by_ws, by_sse, by_poll, mixed):
                await ear.until_seen(last)

    assert (by_ws.client.switches, by_sse.client.switches, by_poll.client.switches) == (0, 0, 0)
    assert mixed.client.switches >= 3
    for ear in (by_ws, by_sse, by_poll, mixed):
        assert ear.seqs == list(range(1, last + 1))
        assert [state.is_up for state in ear.states] == [True]
        assert ear.client.without_socket_s == 0


async def test_where_no_socket_passes_it_reads_by_a_stream_then_by_polls_and_climbs_back(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with boxed(read.url) as (url, box):
            box.cuts = {SOCKET}
            async with hearing((url, write.url), room) as alice:
                await alice.until_by(SSE)
                last = await say(write, room, 5, 2)
                await alice.until_seen(last)

                box.cuts = {SOCKET, STREAM}
                box.cut()
                await alice.until_by(POLL)
                last = await say(write, room, 5, last + 1)
                await alice.until_seen(last)

                box.cuts = {SOCKET}
                await alice.until_by(SSE)
                last = await say(write, room, 5, last + 1)
                await alice.until_seen(last)

                box.cuts = set()
                await alice.until_by(WS)
                last = await say(write, room, 5, last + 1)
                await alice.until_seen(last)

    assert alice.seqs == list(range(1, last + 1))
    assert alice.client.switches == 2
    assert (alice.client.moves, alice.client.positions.repeats) == (0, 0)


async def test_a_service_that_is_away_pushes_nobody_down(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with boxed(read.url) as (url, box), hearing((url, write.url), room) as alice:
            for _ in range(3):
                box.lead_to(f"http://127.0.0.1:{free_port()}")
                box.cut()
                await asyncio.sleep(1)
                box.lead_to(read.url)
                await alice.until_by(WS)
            last = await say(write, room, 5, 2)
            await alice.until_seen(last)

    assert alice.seqs == list(range(1, last + 1))
    assert STREAM not in box.asked


async def test_where_no_socket_passes_what_is_said_goes_by_posts_and_later_by_a_socket(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with boxed(write.url) as (url, box), Client(read.url, url, token("alice"), options=IMPATIENT) as alice:
            box.cuts = {SOCKET}
            conversation = alice.conversation(room)
            messages = [await conversation.send(f"{n}") for n in range(300)]
            seqs = [(await message.acknowledged).seq for message in messages]
            asked = len(box.asked)
            box.cuts = set()
            async with asyncio.timeout(WAIT_S):
                await until(lambda: len(box.asked) > asked, 0.01)
                while alice.switches < 1:
                    messages.append(await conversation.send("more"))
                    seqs.append((await messages[-1].acknowledged).seq)
            messages.append(await conversation.send("by a socket"))
            seqs.append((await messages[-1].acknowledged).seq)

    assert seqs == list(range(2, len(messages) + 2))


async def test_one_socket_for_both_is_left_for_a_stream_in_the_midst_of_what_is_said(site: Site) -> None:
    async with running(site):
        both = await site.start("both")
        room = await create(both, "alice")
        async with hearing((both.url, both.url), room) as alice:
            conversation = alice.client.conversation(room)
            messages = []
            for n in range(60):
                messages.append(await conversation.send(f"{n}"))
                if n in (20, 40):
                    alice.client.read_by(*((SSE,) if n == 20 else AUTO))
                await asyncio.sleep(0.02)
            async with asyncio.timeout(WAIT_S):
                seqs = [(await message.acknowledged).seq for message in messages]
            await alice.until_seen(seqs[-1])

    assert seqs == list(range(2, 62))
    assert alice.seqs == list(range(1, 62))


@pytest.mark.slow
async def test_what_is_kept_on_the_way_without_a_word_is_given_up(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with boxed(read.url) as (url, box):
            box.keeps = {SOCKET, STREAM}
            ear = Ear((url, write.url), "alice", AUTO)
            async with ear.client:
                reading = asyncio.create_task(ear.read(room))
                async with asyncio.timeout(90):
                    await ear.client.caught_up.wait()
                assert ear.client.transport is POLL
                last = await say(write, room, 5, 2)
                await ear.until_seen(last)
                reading.cancel()

    assert ear.seqs == list(range(1, last + 1))


@pytest.mark.parametrize("via", [SSE, POLL])
async def test_a_gateway_that_is_killed_costs_nothing_by(site: Site, via: Transport) -> None:
    async with running(site):
        write, read, other = await site.start("write"), await site.start("read"), await site.start("read")
        room = await create(write, "alice")
        async with wired(read.url) as (url, wire), hearing((url, write.url), room, via) as alice:
            await say(write, room, 3, 2)
            await alice.until_seen(4)
            wire.lead_to(other.url)
            read.signal(signal.SIGKILL)
            await say(write, room, 3, 5)
            await alice.until_seen(7)

    assert alice.seqs == list(range(1, 8))


@pytest.mark.slow
@pytest.mark.parametrize("via", [SSE, POLL])
async def test_a_token_that_ends_is_renewed_by(site: Site, via: Transport) -> None:
    fetched: list[str] = []

    async def fetch() -> str:
        fetched.append(token("alice", ttl_s=4 if not fetched else 600))
        return fetched[-1]

    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        seqs: list[int] = []

        async def listen(client: Client) -> None:
            async for event in client.events():
                if event.conversation == room:
                    seqs.append(event.seq)

        async with Client(read.url, write.url, fetch, read_via=[via], options=IMPATIENT) as client:
            listening = asyncio.create_task(listen(client))
            last = 1
            for _ in range(12):
                last = await say(write, room, 1, last + 1)
                await asyncio.sleep(0.5)
            await ended(until(lambda: seqs[-1:] == [last], 0.01))
            listening.cancel()

    assert seqs == list(range(1, last + 1))
    assert len(fetched) == 2


async def ended(work: Awaitable[None]) -> None:
    async with asyncio.timeout(WAIT_S):
        await work
