"""Who is online: told to those who share a conversation, when it changes, also after a gateway was killed or Redis lost all."""

import asyncio
import signal
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis.asyncio

from services.read.attendance import GRACE_S
from shared.bus.presence import ALIVE_S
from tests.gateways import Site, bearer, running
from tests.silence import silent
from tests.talk import Talk, create, greeted


async def hear(talk: Talk, wait_s: float = 5) -> dict[str, Any]:
    """Return the users of the next presence frame, each with whether they are online."""
    users = (await talk.until("presence", wait_s))["users"]
    assert all(("since" in about) == about["online"] for about in users.values())
    return {user: about["online"] for user, about in users.items()}


async def test_coming_and_going_is_told_across_gateways_and_a_reconnect_is_neither(site: Site) -> None:
    async with running(site):
        write, one, other = await site.start("write"), await site.start("read"), await site.start("read")
        await create(write, "alice", "bob")
        async with greeted(one, "alice") as alice:
            await alice.until("caught_up")
            await alice.send(type="watch", users=["bob", "mallory", "nobody"])
            assert await hear(alice) == {"bob": False}
            async with greeted(other, "bob"):
                assert await hear(alice, 2) == {"bob": True}
            async with greeted(one, "bob"):
                await silent(alice, GRACE_S + 1)
            started = time.monotonic()
            assert await hear(alice, GRACE_S + 3) == {"bob": False}
            assert time.monotonic() - started > GRACE_S - 1


async def test_who_shares_no_conversation_is_unknown_also_once_they_were_put_out(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        room = await create(write, "alice", "bob")
        async with greeted(read, "alice") as alice, greeted(read, "bob") as bob, greeted(read, "mallory") as mallory:
            for talk in (alice, bob, mallory):
                await talk.until("caught_up")
            await mallory.send(type="watch", users=["alice", "bob"])
            assert await hear(mallory) == {}
            await bob.send(type="watch", users=["alice"])
            assert await hear(bob) == {"alice": True}
            async with httpx.AsyncClient() as client:
                body = {"id": str(uuid4()), "user": "bob"}
                await client.post(f"{write.url}/v1/conversations/{room}/remove", json=body, headers=bearer("alice"))
            assert await hear(bob) == {}


async def test_a_new_list_takes_the_place_of_the_one_before(site: Site) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        await create(write, "alice", "bob", "carol")
        async with greeted(read, "alice") as alice:
            await alice.until("caught_up")
            for users in (["bob"], ["carol"]):
                await alice.send(type="watch", users=users)
                assert await hear(alice) == {users[0]: False}
            async with greeted(read, "bob"):
                await silent(alice, 1.5)
                async with greeted(read, "carol"):
                    assert await hear(alice, 2) == {"carol": True}


async def test_who_was_at_a_killed_gateway_goes_offline_and_who_came_back_elsewhere_does_not(site: Site) -> None:
    async with running(site):
        write, one, doomed = await site.start("write"), await site.start("read"), await site.start("read")
        await create(write, "alice", "bob", "carol")
        async with greeted(one, "alice") as alice, greeted(doomed, "bob"), greeted(doomed, "carol"):
            await alice.until("caught_up")
            await asyncio.sleep(1)
            await alice.send(type="watch", users=["bob", "carol"])
            assert await hear(alice) == {"bob": True, "carol": True}
            doomed.signal(signal.SIGKILL)
            await doomed.ended()
            async with greeted(one, "bob"):
                assert await hear(alice, ALIVE_S + 4) == {"carol": False}


@pytest.mark.slow
async def test_presence_is_known_again_after_redis_lost_everything(site: Site) -> None:
    async with running(site):
        write, one, other = await site.start("write"), await site.start("read"), await site.start("read")
        await create(write, "alice", "bob")
        store = redis.asyncio.Redis.from_url(site.redis_url)
        async with greeted(one, "alice") as alice, greeted(other, "bob"):
            await alice.until("caught_up")
            await asyncio.sleep(1)
            keys = [key async for key in store.scan_iter(f"{site.prefix}:*")]
            await store.delete(*keys)
            await asyncio.sleep(4)
            await alice.send(type="watch", users=["bob"])
            assert await hear(alice) == {"bob": True}
        await store.aclose()
