"""Postgres and Redis stalled, cut and back: what is acknowledged is kept, every wait ends, and it heals by itself."""

import asyncio
import signal
import time
from typing import Any
from uuid import uuid4

import httpx

from shared.storage.migrate import migrate
from tests.gateways import Site, bearer, running
from tests.talk import create, greeted, post
from tests.wire import wired


async def test_with_postgres_stalled_a_send_is_503_within_its_deadline_and_then_it_heals(site: Site) -> None:
    async with wired(site.postgres_url) as (url, wire), running(Site(url, site.redis_url, site.prefix)) as through:
        write = await through.start("write", postgres_timeout_s="1")
        room = await create(write, "alice")
        id = str(uuid4())
        wire.hold()
        started = time.monotonic()
        refused = await post(write, "alice", room, "hello", id)
        took = time.monotonic() - started
        wire.release()
        for _ in range(100):
            answer = await post(write, "alice", room, "hello", id)
            if answer.status_code in (200, 201):
                break
            await asyncio.sleep(0.1)

        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert "retry-after" in refused.headers
        assert took < 4
        assert answer.json()["seq"] == 2


async def test_what_is_put_off_by_a_stalled_postgres_stays_in_order(site: Site) -> None:
    async with wired(site.postgres_url) as (url, wire), running(Site(url, site.redis_url, site.prefix)) as through:
        write = await through.start("write", postgres_timeout_s="1", batch_rows="2")
        room = await create(write, "alice")
        ids = [str(uuid4()) for _ in range(10)]
        async with greeted(write, "alice") as talk:
            wire.hold()
            for n, id in enumerate(ids):
                await talk.send(type="send", conversation=room, id=id, text=f"m{n}")
            errors: list[dict[str, Any]] = []
            while len(errors) < len(ids):
                frame = await talk.receive()
                assert frame["type"] == "error", frame
                errors.append(frame)
            await talk.send(type="send", conversation=room, id=ids[5], text="m5")
            errors.append(await talk.receive())
            wire.release()
            await asyncio.sleep(1)
            acks: dict[str, int] = {}
            for n, id in enumerate(ids):
                again = {"again": True} if n == 0 else {}
                await talk.send(type="send", conversation=room, id=id, text=f"m{n}", **again)
            while len(acks) < len(ids):
                acks |= {ack["id"]: ack["seq"] for ack in (await talk.until("acks"))["acks"]}

        assert [error["id"] for error in errors[:10]] == ids
        assert all(error["retryable"] for error in errors)
        assert errors[-1]["code"] == "put_off"
        assert [acks[id] for id in ids] == list(range(2, 12))


async def test_with_redis_stalled_sends_are_acknowledged_and_delivered_within_two_seconds(site: Site) -> None:
    async with wired(site.redis_url) as (url, wire), running(Site(site.postgres_url, url, site.prefix)) as through:
        write, read = await through.start("write"), await through.start("read")
        room = await create(write, "alice", "bob")
        async with greeted(read, "bob") as talk:
            await talk.events(1)
            await talk.until("caught_up")
            wire.hold()
            for n in range(12):
                started = time.monotonic()
                assert (await post(write, "alice", room, f"m{n}")).status_code == 201
                assert time.monotonic() - started < 1
                await talk.events(2 + n, after=1 + n)
                assert time.monotonic() - started < 2
                await asyncio.sleep(0.3)
            async with httpx.AsyncClient() as client:
                ready = await client.get(f"{read.url}/ready")
            wire.release()
            assert ready.status_code == 200
            assert "subscription" in ready.json()["degraded"]
            for _ in range(100):
                async with httpx.AsyncClient() as client:
                    if not (await client.get(f"{read.url}/ready")).json()["degraded"]:
                        break
                await asyncio.sleep(0.1)
            await post(write, "alice", room, "live again")
            assert [event["text"] for event in await talk.events(14, after=13)] == ["live again"]


async def test_a_redis_that_cuts_everybody_off_loses_nothing(site: Site) -> None:
    async with wired(site.redis_url) as (url, wire), running(Site(site.postgres_url, url, site.prefix)) as through:
        write, read = await through.start("write"), await through.start("read")
        room = await create(write, "alice", "bob")
        async with greeted(read, "bob") as talk:
            await talk.events(1)
            for n in range(10):
                wire.cut()
                await post(write, "alice", room, f"m{n}")
            events = await talk.events(11, after=1)

        assert [event["text"] for event in events] == [f"m{n}" for n in range(10)]


async def test_a_write_gateway_that_is_killed_keeps_what_it_acknowledged(site: Site) -> None:
    async with running(site):
        first, second = await site.start("write", rate_user="0"), await site.start("write", rate_user="0")
        read = await site.start("read")
        room = await create(first, "alice")
        acked: dict[str, int] = {}
        ids = [str(uuid4()) for _ in range(500)]
        async with greeted(first, "alice") as talk:
            for n, id in enumerate(ids):
                await talk.send(type="send", conversation=room, id=id, text=f"m{n}")
            acked |= {ack["id"]: ack["seq"] for ack in (await talk.until("acks"))["acks"]}
            first.signal(signal.SIGKILL)
        async with greeted(second, "alice") as talk:
            seqs: dict[str, int] = {}
            for n, id in enumerate(ids):
                await talk.send(type="send", conversation=room, id=id, text=f"m{n}")
            while len(seqs) < len(ids):
                seqs |= {ack["id"]: ack["seq"] for ack in (await talk.until("acks"))["acks"]}
        async with httpx.AsyncClient() as client:
            url = f"{read.url}/v1/conversations/{room}/events?after=1&limit=1000"
            stored = (await client.get(url, headers=bearer("alice"))).json()["events"]

        assert acked
        assert all(seqs[id] == seq for id, seq in acked.items())
        assert [event["id"] for event in stored] == ids


async def test_two_migrations_at_once_both_end_well(postgres_url: str) -> None:
    await asyncio.gather(migrate(postgres_url, 10), migrate(postgres_url, 10))
