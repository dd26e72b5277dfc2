"""The Python client against real gateways, over a wire that is cut and held."""

import asyncio
from pathlib import Path

from ringpost_client import Client, Closed, Via

from tests.gateways import Site, running, token
from tests.talk import create
from tests.wire import wired

MANY = 200


async def read_texts(client: Client, room: str, many: int) -> list[str]:
    """Collect the texts of *many* messages; their seqs must rise one by one."""
    texts: list[str] = []
    last = 0
    async with asyncio.timeout(30):
        async for event in client.events():
            if event.conversation != room:
                continue
            assert event.seq == last + 1
            last = event.seq
            if event.type == "message":
                texts.append(event.text)
                if len(texts) == many:
                    break
    return texts


async def test_sends_and_reads_over_wires_that_are_cut_are_once_and_in_order(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with wired(write.url) as (write_url, write_wire), wired(read.url) as (read_url, read_wire):
            alice = Client(read_url, write_url, token("alice"))
            bob = Client(read_url, write_url, token("bob"))
            async with alice, bob:
                reading = asyncio.create_task(read_texts(bob, room, MANY))
                acks = []
                for n in range(MANY):
                    acks.append(await alice.conversation(room).send(f"m{n}"))
                    if n % 50 == 25:
                        await asyncio.sleep(0.05)
                        write_wire.cut()
                        read_wire.cut()
                async with asyncio.timeout(30):
                    seqs = [(await ack.acknowledged).seq for ack in acks]
                texts = await reading

        assert seqs == list(range(2, MANY + 2))
        assert texts == [f"m{n}" for n in range(MANY)]


async def test_posts_over_a_wire_that_is_cut_are_once_and_in_order(site: Site) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice")
        async with wired(write.url) as (url, wire), Client(url, url, token("alice"), via=Via.POST) as alice:
            acks = [await alice.conversation(room).send(f"m{n}") for n in range(40)]
            for _ in range(4):
                await asyncio.sleep(0.05)
                wire.cut()
            async with asyncio.timeout(30):
                assert [(await ack.acknowledged).seq for ack in acks] == list(range(2, 42))


async def test_the_outbox_on_disk_is_sent_by_the_next_process(site: Site, tmp_path: Path) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with wired(write.url) as (url, wire):
            wire.hold()
            async with Client(read.url, url, token("alice"), state=tmp_path) as before:
                lost = [await before.conversation(room).send(f"m{n}") for n in range(5)]
                await asyncio.sleep(0.2)
        assert all(isinstance(message.acknowledged.exception(), Closed) for message in lost)
        async with Client(read.url, write.url, token("alice"), state=tmp_path) as after:
            assert after.pending == 5
            async with asyncio.timeout(10):
                await after.drained()
            assert await read_texts(after, room, 5) == [f"m{n}" for n in range(5)]
