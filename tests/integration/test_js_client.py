"""The JavaScript client in Node against real gateways that are killed and stopped, and itself killed."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.gateways import Process, Site, running, token
from tests.javascript import needs_node, running_node
from tests.talk import create
from tests.wire import wired

MANY = 100_000  # more than there is time for
UNHURRIED = {"drain_settle_s": "1", "drain_spread_s": "8"}
SEEN_S = 1.5  # the router looks twice a second

pytestmark = needs_node


async def replace(site: Site, gateways: list[Process], role: str, number: signal.Signals) -> None:
    """End the gateways of a role one after the other, each once another one is there."""
    for gateway in gateways:
        await site.start(role, **UNHURRIED)
        await asyncio.sleep(SEEN_S)
        gateway.signal(number)
        async with asyncio.timeout(20):
            await gateway.ended()


async def chat_while(site: Site, tmp_path: Path, number: signal.Signals) -> tuple[dict[str, Any], dict[str, Any]]:
    """Have alice talk and bob listen while all gateways are replaced; return what each of them saw."""
    writers, readers = [await site.start("write", **UNHURRIED)], [await site.start("read", **UNHURRIED)]
    read, write = await site.start_router()
    urls = {"read": read, "write": write, "room": await create(writers[0], "alice", "bob")}
    async with running_node("hear.js", **urls, token=token("bob")) as bob:
        await bob.says("listening")
        async with running_node("chat.js", **urls, token=token("alice"), say=MANY, folder=str(tmp_path)) as alice:
            await replace(site, writers, "write", number)
            await replace(site, readers, "read", number)
            said = await alice.result()
        return said, await bob.result(f"{said['acked'][-1]}\n")


def assert_complete(said: dict[str, Any], heard: dict[str, Any]) -> None:
    """Everything was acknowledged once, in order, and both saw all of it."""
    many = len(said["acked"])
    assert many > 0
    assert said["acked"] == list(range(2, many + 2))
    assert said["seqs"] == heard["seqs"] == list(range(1, many + 2))
    assert said["texts"] == heard["texts"] == [f"m{n}" for n in range(many)]
    assert said["pending"] == 0


async def test_gateways_are_killed_while_two_chat_and_nothing_is_lost_or_comes_twice(site: Site, tmp_path: Path) -> None:
    async with running(site):
        said, heard = await chat_while(site, tmp_path, signal.SIGKILL)

    assert_complete(said, heard)
    assert "write away" in said["states"]
    assert heard["aways"] >= 1


@pytest.mark.slow
async def test_gateways_stop_while_two_chat_and_nobody_is_without_a_socket(site: Site, tmp_path: Path) -> None:
    async with running(site):
        said, heard = await chat_while(site, tmp_path, signal.SIGTERM)

    assert_complete(said, heard)
    assert "write away" not in said["states"]
    assert said["moves"] >= 1
    assert heard["moves"] >= 1
    assert heard["aways"] == 0


async def test_what_a_killed_process_left_is_sent_once_and_in_order_by_the_next_one(site: Site, tmp_path: Path) -> None:
    async with running(site):
        writer, reader = await site.start("write"), await site.start("read")
        room = await create(writer, "alice")
        urls = {"read": reader.url, "room": room, "token": token("alice"), "folder": str(tmp_path)}
        async with wired(writer.url) as (url, wire):
            wire.hold()
            async with running_node("chat.js", **urls, write=url, say=20) as before:
                await before.says("stored")
                await before.kill()
        async with running_node("chat.js", **urls, write=writer.url, say=0) as after:
            said = await after.result()

    assert said["left"] == 20
    assert said["texts"] == [f"m{n}" for n in range(20)]
    assert said["pending"] == 0
