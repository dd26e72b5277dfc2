"""What is put off stays in order: pipelined sends against a limit and a full queue, by socket and by POST."""

import asyncio
import time
from collections import Counter
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest

from services.write.socket import HELD_AFTER
from tests.gateways import ADMIN, Process, Site, bearer
from tests.talk import Talk, create, greeted


async def _pipeline(talk: Talk, conversation: str, count: int, first: int = 0) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    for n, id in enumerate(ids, first):
        await talk.send(type="send", conversation=conversation, id=id, text=str(n))
    return ids


async def _answers(talk: Talk, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return so many answers: acknowledgements, refusals."""
    acks: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    while len(acks) + len(errors) < count:
        frame = await talk.receive()
        acks += frame.get("acks", [])
        errors += [frame] if frame["type"] == "error" else []
    return acks, errors


async def _texts(read: Process, user: str, conversation: str) -> list[str]:
    async with httpx.AsyncClient() as http:
        url = f"{read.url}/v1/conversations/{conversation}/events?after=1&limit=1000"
        events = (await http.get(url, headers=bearer(user))).json()["events"]
    return [event["text"] for event in events]


async def test_over_the_rate_the_rest_is_put_off_and_comes_again_in_order(site: Site) -> None:
    both = await site.start("both", rate_user="10", rate_conversation="0")
    room = await create(both, "alice")
    async with greeted(both, "alice") as talk:
        ids = await _pipeline(talk, room, 100)
        acks, errors = await _answers(talk, 100)
        codes = Counter(error["code"] for error in errors)
        assert codes["rate_limited"] == 1
        assert codes["put_off"] == len(errors) - 1 > 50
        assert errors[0]["retry_after"] > 0
        assert [ack["id"] for ack in acks] == ids[: len(acks)]
        left = ids[len(acks) :][:5]
        await asyncio.sleep(errors[0]["retry_after"] + 0.5)
        for n, id in enumerate(left, len(acks)):
            again = {"again": True} if n == len(acks) else {}
            await talk.send(type="send", conversation=room, id=id, text=str(n), **again)
        later, still = await _answers(talk, 5)
        assert [ack["id"] for ack in later] == left, still
    assert await _texts(both, "alice", room) == [str(n) for n in range(len(acks) + 5)]


async def test_nothing_overtakes_a_send_that_was_put_off_though_there_is_room_again(site: Site) -> None:
    both = await site.start("both", rate_user="10", rate_conversation="0")
    room, other = await create(both, "alice"), await create(both, "alice")
    async with greeted(both, "alice") as talk:
        await _pipeline(talk, room, 60)
        acks, _ = await _answers(talk, 60)
        await asyncio.sleep(1.0)
        await _pipeline(talk, room, 3)
        none, errors = await _answers(talk, 3)
        assert none == []
        assert [error["code"] for error in errors] == ["put_off"] * 3
        await _pipeline(talk, other, 1)
        elsewhere, _ = await _answers(talk, 1)
        assert elsewhere[0]["conversation"] == other
    assert await _texts(both, "alice", room) == [str(n) for n in range(len(acks))]


async def test_a_conversations_rate_is_shared_by_its_senders(site: Site) -> None:
    both = await site.start("both", rate_user="0", rate_conversation="10")
    room = await create(both, "alice", "bob")
    async with greeted(both, "alice") as alice, greeted(both, "bob") as bob:
        await asyncio.gather(_pipeline(alice, room, 50), _pipeline(bob, room, 50))
        (a, _), (b, _) = await asyncio.gather(_answers(alice, 50), _answers(bob, 50))
    assert 30 <= len(a) + len(b) < 60


async def test_strangers_do_not_use_up_a_conversations_rate(site: Site) -> None:
    both = await site.start("both", rate_user="0", rate_conversation="5")
    room = await create(both, "alice")
    async with greeted(both, "mallory") as mallory, greeted(both, "alice") as alice:
        for _ in range(10):
            await _pipeline(mallory, room, 10)
            _, errors = await _answers(mallory, 10)
            assert {error["code"] for error in errors} == {"not_found"}
        await _pipeline(alice, room, 10)
        acks, _ = await _answers(alice, 10)
    assert len(acks) == 10


async def test_over_the_rate_a_post_is_429_with_retry_after_and_an_array_stops_there(site: Site) -> None:
    both = await site.start("both", rate_user="0.05", rate_conversation="0")
    room = await create(both, "alice")
    url = f"{both.url}/v1/conversations/{room}/messages"
    sends = [{"id": str(uuid4()), "text": str(n)} for n in range(100)]
    async with httpx.AsyncClient() as http:
        answers = (await http.post(url, json=sends, headers=bearer("alice"))).json()
        one = await http.post(url, json=sends[-1], headers=bearer("alice"))
    statuses = [answer["status"] for answer in answers]
    stored = statuses.count(201)
    assert statuses == [201] * stored + [429] + [503] * (99 - stored)
    assert answers[-1]["code"] == "put_off"
    assert answers[stored]["retry_after"] > 0
    assert (one.status_code, one.json()["code"]) == (429, "rate_limited")
    assert int(one.headers["Retry-After"]) >= 1
    assert await _texts(both, "alice", room) == [str(n) for n in range(stored)]


async def test_a_full_queue_puts_off_at_once_and_in_order(site: Site) -> None:
    both = await site.start("both", rate_user="0", rate_conversation="0", queue_rows="50", postgres_timeout_s="20")
    room = await create(both, "alice")
    lock = await asyncpg.connect(site.postgres_url)
    try:
        async with greeted(both, "alice") as talk:
            async with lock.transaction():
                await lock.execute("SELECT FROM conversations FOR UPDATE")
                ids = await _pipeline(talk, room, 300)
                errors = [await talk.until("error", wait_s=3) for _ in range(200)]
            acks, more = await _answers(talk, 100)
            codes = Counter(error["code"] for error in errors + more)
            assert codes["overloaded"] == 1
            assert set(codes) == {"overloaded", "put_off"}
            assert [ack["id"] for ack in acks] == ids[: len(acks)]
            assert 50 <= len(acks) <= 100
    finally:
        await lock.close()
    assert await _texts(both, "alice", room) == [str(n) for n in range(len(acks))]


@pytest.mark.slow
async def test_memory_stays_flat_while_a_client_sends_into_a_full_queue(site: Site) -> None:
    both = await site.start("both", rate_user="0", rate_conversation="0", queue_rows="500", postgres_timeout_s="20")
    room = await create(both, "alice")
    lock = await asyncpg.connect(site.postgres_url)
    process = psutil.Process(both.child.pid)
    try:
        async with greeted(both, "alice") as talk, lock.transaction():
            await lock.execute("SELECT FROM conversations FOR UPDATE")
            await _pipeline(talk, room, 1_500)
            await _answers(talk, 500)
            before = process.memory_info().rss
            for _ in range(4):
                await _pipeline(talk, room, 2_000)
                await _answers(talk, 2_000)
            assert process.memory_info().rss - before < 8 << 20
    finally:
        await lock.close()


async def test_the_figures_tell_of_the_queue_the_batches_and_every_refusal(site: Site) -> None:
    both = await site.start("both", rate_user="0.05", rate_conversation="0")
    room, id = await create(both, "alice"), str(uuid4())
    url = f"{both.url}/v1/conversations/{room}/messages"
    async with httpx.AsyncClient() as http:
        for body in ({"id": id, "text": "x"}, {"id": str(uuid4()), "text": "y"}):
            await http.post(url, json=body, headers=bearer("alice"))
        for user, text in (("", "host"), ("mallory", "x")):
            await http.post(url, json={"id": id, "text": text}, headers=bearer(user) if user else ADMIN)
        for text in ("host", "another"):
            await http.post(url, json={"id": id, "text": text}, headers=ADMIN)
        lines = (await http.get(f"{both.url}/metrics")).text.splitlines()
    figures = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}
    told = {
        'outcomes_total{status="stored"}': 2,
        'outcomes_total{status="duplicate"}': 1,
        'outcomes_total{status="id_reused"}': 1,
        'outcomes_total{status="not_found"}': 1,
        'put_off_total{code="rate_limited"}': 1,
        "rate_limited_total": 1,
        "queue": 0,
        "queue_bytes": 0,
        "batch_rows_count": 5,
        "batch_rows_sum": 5,
        "commit_seconds_count": 5,
        "ack_seconds_count": 5,
    }
    assert {name: figures[f"ringpost_write_{name}"] for name in told} == told
    assert figures["ringpost_write_commit_seconds_sum"] > 0


async def test_who_goes_on_sending_what_is_refused_is_not_read_for_a_while_and_others_are_served(site: Site) -> None:
    both = await site.start("both", rate_user="10", rate_conversation="0")
    room, other = await create(both, "alice"), await create(both, "bob")
    async with greeted(both, "alice") as talk, greeted(both, "bob") as calm:
        await _pipeline(talk, room, 200)
        _, errors = await _answers(talk, 200)
        assert len(errors) > 100
        rest = HELD_AFTER - len(errors) % HELD_AFTER
        await _pipeline(talk, room, rest)
        await _answers(talk, rest)  # with the last of these it is held
        began = time.monotonic()
        await talk.send(type="ping")
        await calm.send(type="send", conversation=other, id=str(uuid4()), text="in peace")
        await calm.until("acks")
        calm_s = time.monotonic() - began
        await talk.until("pong")
        assert time.monotonic() - began > 0.5 > calm_s
        await talk.send(type="ping")
        began = time.monotonic()
        await talk.until("pong")
        assert time.monotonic() - began < 0.5
