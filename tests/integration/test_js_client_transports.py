"""The JavaScript client in Node by any transport: the same log, where no WebSocket passes, and while transports change."""

from pathlib import Path
from typing import Any

import pytest

from tests.gateways import Process, Site, running, token
from tests.javascript import needs_node, running_node
from tests.middlebox import SOCKET, STREAM, boxed
from tests.talk import create, post

pytestmark = [needs_node, pytest.mark.slow]


async def say(write: Process, room: str, many: int, first: int) -> int:
    for n in range(first, first + many):
        assert (await post(write, "alice", room, f"m{n}")).status_code == 201
    return first + many - 1


def assert_whole(heard: dict[str, Any], last: int) -> None:
    assert heard["seqs"] == list(range(1, last + 1))
    assert heard["texts"] == [f"m{n}" for n in range(2, last + 1)]


async def test_where_no_socket_passes_it_reads_by_a_stream_then_by_polls_and_climbs_back(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with boxed(read.url) as (url, box):
            box.cuts = {SOCKET}
            about = {"read": url, "write": write.url, "room": room, "token": token("alice")}
            async with running_node("hear.js", **about) as alice:
                await alice.comes_to("by sse")
                last = await say(write, room, 5, 2)
                box.cuts = {SOCKET, STREAM}
                box.cut()
                await alice.comes_to("by poll")
                last = await say(write, room, 5, last + 1)
                box.cuts = {SOCKET}
                await alice.comes_to("by sse")
                last = await say(write, room, 5, last + 1)
                box.cuts = set()
                await alice.comes_to("by ws")
                last = await say(write, room, 5, last + 1)
                heard = await alice.result(f"{last}\n")

    assert_whole(heard, last)
    assert heard["switches"] == 2


async def test_where_no_socket_passes_at_all_one_chats_by_a_stream_and_posts(site: Site, tmp_path: Path) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        async with boxed(read.url) as (read_url, reading), boxed(write.url) as (write_url, writing):
            reading.cuts = writing.cuts = {SOCKET}
            about = {"read": read_url, "write": write_url, "room": room, "token": token("alice")}
            async with running_node("chat.js", **about, say=200, folder=str(tmp_path)) as alice:
                said = await alice.result("\n")

    many = len(said["acked"])
    assert many > 0
    assert said["acked"] == list(range(2, many + 2))
    assert said["seqs"] == list(range(1, many + 2))
    assert said["pending"] == 0


async def test_transports_change_in_mid_stream_and_the_log_is_the_same(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice")
        about = {"read": read.url, "write": write.url, "room": room, "token": token("alice")}
        async with running_node("hear.js", **about, via="sse", turns=["ws", "sse", "poll"]) as alice:
            await alice.says("listening")
            last = 1
            for _ in range(60):
                last = await say(write, room, 2, last + 1)
            heard = await alice.result(f"{last}\n")

    assert_whole(heard, last)
    assert heard["switches"] >= 2
    assert heard["aways"] == 0
