"""What the Python client tells its app of its sockets, of what it left, and of how far the app has seen."""

import asyncio
import socket
import struct
from pathlib import Path

import pytest
from ringpost_client import Api, Client, Options, State, Unavailable

from tests.gateways import Site, free_port, running, token
from tests.talk import create, post
from tests.wire import wired


async def test_the_app_hears_once_that_a_socket_is_away_and_once_that_it_is_back(site: Site) -> None:
    states: asyncio.Queue[State] = asyncio.Queue()
    async with running(site):
        read = await site.start("read")
        async with wired(read.url) as (url, wire), Client(url, url, token("alice"), on_state=states.put_nowait) as alice:
            alice.events()
            async with asyncio.timeout(10):
                told = [await states.get()]
                wire.cut()
                told += [await states.get(), await states.get()]

    assert [(state.service, state.is_up, bool(state.reason)) for state in told] == [
        ("read", True, False),
        ("read", False, True),
        ("read", True, False),
    ]
    assert states.empty()


async def test_the_app_hears_once_that_nothing_answers_however_often_it_is_tried() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    states: list[State] = []
    tries: asyncio.Queue[float] = asyncio.Queue()

    def chance() -> float:
        tries.put_nowait(0.0)
        return 0.0

    async with Client(nowhere, nowhere, token("alice"), options=Options(chance=chance), on_state=states.append) as alice:
        alice.events()
        async with asyncio.timeout(10):
            for _ in range(3):
                await tries.get()

    assert [(state.service, state.is_up) for state in states] == [("read", False)]
    assert nowhere.removeprefix("http://") in states[0].reason


async def test_what_was_left_is_there_to_be_waited_for_and_goes_out_once(site: Site, tmp_path: Path) -> None:
    async with running(site):
        write = await site.start("write")
        room = await create(write, "alice")
        async with wired(write.url) as (url, wire):
            wire.hold()
            async with Client(url, url, token("alice"), state=tmp_path) as before:
                await before.conversation(room).send("one")
                await before.conversation(room).send("two")
                await asyncio.sleep(0.1)

        async with Client(write.url, write.url, token("alice"), state=tmp_path) as after, asyncio.timeout(10):
            left = after.outbox
            acks = [await message.acknowledged for message in left]

    assert [each.text for each in left] == ["one", "two"]
    assert [(ack.seq, ack.duplicate, ack.attempts) for ack in acks] == [(2, False, 1), (3, False, 1)]


async def test_seen_is_what_came_before_the_event_in_hand(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        await post(write, "alice", room, "one")
        async with Client(read.url, write.url, token("alice")) as alice, asyncio.timeout(10):
            async for event in alice.events():
                if event.conversation == room and event.text == "one":
                    break
            assert (event.seq, alice.seen.of[room]) == (2, 1)


async def test_an_error_without_words_is_told_by_its_kind() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger_not = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    api = Api(f"http://{host}:{port}", f"http://{host}:{port}")
    with pytest.raises(Unavailable) as caught:
        await api.config()
    await api.close()
    server.close()

    assert str(caught.value) == f"{host}:{port}: ReadError"
