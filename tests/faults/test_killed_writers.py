"""Write gateways killed with -9, and Postgres at once, at the worst of moments: what must hold then, holds."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from deploy.replay.polling import until
from tests.failpoints import Failpoint, Hold, failing
from tests.faults.crowd import Size
from tests.faults.fleet import Moment
from tests.faults.invariants import judge
from tests.faults.ordeal import Ordeal, Plan
from tests.faults.postgres import MortalPostgres, prepare_mortal, up
from tests.gateways import Process, Site, bearer, running
from tests.talk import Talk, create, greeted, post

SOON_S, SILENCE_S, WAIT_S = 2.0, 0.3, 10.0
DOOMED = "doomed"


@dataclass(frozen=True, slots=True)
class Stage:
    """A write gateway behind failpoints that is to be killed, one of both roles beside it, a conversation of alice and bob."""

    doomed: Process
    postgres: Failpoint
    redis: Failpoint
    other: Process
    room: str

    async def kill(self) -> None:
        self.doomed.signal(signal.SIGKILL)
        await self.doomed.ended()

    async def history(self) -> list[tuple[int, str]]:
        """Return (seq, id) of what is stored after the conversation's creation."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{self.other.url}/v1/conversations/{self.room}/events?after=1", headers=bearer("bob"))
        return [(event["seq"], event["id"]) for event in answer.json()["events"]]


@asynccontextmanager
async def staged(site: Site, **settings: str) -> AsyncIterator[Stage]:
    """Set it up; *settings* are the doomed gateway's."""
    async with AsyncExitStack() as wires:
        postgres_url, postgres = await wires.enter_async_context(failing(site.postgres_url))
        redis_url, redis = await wires.enter_async_context(failing(site.redis_url))
        doomed, other = await asyncio.gather(
            site.start("write", name=DOOMED, postgres_url=postgres_url, redis_url=redis_url, **settings),
            site.start("both", name="other"),
        )
        yield Stage(doomed, postgres, redis, other, await create(other, "alice", "bob"))


@pytest.fixture
async def stage(site: Site) -> AsyncIterator[Stage]:
    async with staged(site) as stage:
        yield stage


@pytest.fixture
async def published(redis_url: str, prefix: str) -> AsyncIterator[list[bytes]]:
    """All that is published from now on."""
    heard: list[bytes] = []

    async def hear() -> None:
        async for message in subscription.listen():
            if message["type"] == "pmessage":
                heard.append(message["data"])

    async with Redis.from_url(redis_url) as redis, redis.pubsub() as subscription:
        await subscription.psubscribe(f"{prefix}:*")
        hearing = asyncio.create_task(hear())
        yield heard
        hearing.cancel()


@pytest.fixture(scope="module")
def mortal(folder: Path) -> MortalPostgres:
    return prepare_mortal(folder / "mortal")


async def nothing_comes(talk: Talk) -> bool:
    try:
        await talk.receive(SILENCE_S)
    except TimeoutError:
        return True
    return False


async def told_soon(reader: Talk, seq: int, since: float) -> dict[str, Any]:
    """Return the next event that *reader* is pushed, which is *seq*, and comes soon after *since*."""
    (event,) = await reader.events(seq, after=seq - 1)
    assert time.monotonic() - since < SOON_S
    return event


def has(published: Sequence[bytes], text: str) -> bool:
    return any(text.encode() in data for data in published)


async def was_published(stage: Stage, published: Sequence[bytes], text: str) -> bool:
    """Say so once a later publication has come, which shows that those before it have."""
    control = f"control {token_hex(8)}"
    await post(stage.other, "alice", stage.room, control)
    async with asyncio.timeout(WAIT_S):
        await until(lambda: has(published, control), 0.02)
    return has(published, text)


async def count_backends(postgres_url: str) -> int:
    """Return how many connections of the doomed gateway Postgres still serves."""
    connection = await asyncpg.connect(postgres_url)
    question = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"
    try:
        return int(await connection.fetchval(question, DOOMED))
    finally:
        await connection.close()


async def no_backend(postgres_url: str) -> None:
    """Return when Postgres has come to the end of all that the doomed gateway said."""
    for _ in range(200):
        if await count_backends(postgres_url) == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("Postgres still serves it")


async def test_killed_between_commit_and_acknowledgement_a_send_is_stored_once_and_read_soon(
    stage: Stage, published: list[bytes]
) -> None:
    id, text = str(uuid4()), f"held {token_hex(8)}"
    async with greeted(stage.other, "bob") as bob, greeted(stage.doomed, "alice") as alice:
        await bob.events(1)
        trap = stage.postgres.set(Hold.COMMIT, text)
        await alice.send(type="send", conversation=stage.room, id=id, text=text)
        await trap.reached()
        committed_at = time.monotonic()
        assert await nothing_comes(alice)
        await stage.kill()
        assert await alice.closed() == 1006
        stored = await stage.history()
        event = await told_soon(bob, 2, committed_at)
        again = await post(stage.other, "alice", stage.room, text, id)

    assert stored == await stage.history() == [(2, id)]
    assert (again.status_code, again.json()["seq"]) == (200, 2)
    assert (event["id"], event["text"]) == (id, text)
    assert not await was_published(stage, published, text)


async def test_killed_between_commit_and_publication_a_send_is_stored_once_and_read_soon(
    stage: Stage, published: list[bytes]
) -> None:
    id, text = str(uuid4()), f"held {token_hex(8)}"
    async with greeted(stage.other, "bob") as bob, greeted(stage.doomed, "alice") as alice:
        await bob.events(1)
        trap = stage.redis.set(Hold.REQUEST, text)
        await alice.send(type="send", conversation=stage.room, id=id, text=text)
        await trap.reached()
        committed_at = time.monotonic()
        # No acknowledgement waits for Redis: this one is there already, and must be kept.
        (ack,) = (await alice.until("acks"))["acks"]
        await stage.kill()
        stage.redis.cut()
        stored = await stage.history()
        event = await told_soon(bob, 2, committed_at)
        again = await post(stage.other, "alice", stage.room, text, id)

    assert (ack["id"], ack["seq"]) == (id, 2)
    assert stored == await stage.history() == [(2, id)]
    assert (again.status_code, again.json()["seq"]) == (200, 2)
    assert (event["id"], event["text"]) == (id, text)
    assert not await was_published(stage, published, text)


async def test_a_batch_that_reaches_postgres_after_its_gateway_died_and_was_retried_stores_nothing(
    site: Site, stage: Stage
) -> None:
    id, text = str(uuid4()), f"held {token_hex(8)}"
    trap = stage.postgres.set(Hold.REQUEST, text)
    async with greeted(stage.doomed, "alice") as alice:
        await alice.send(type="send", conversation=stage.room, id=id, text=text)
        await trap.reached()
        await stage.kill()
    before = await stage.history()
    retried = await post(stage.other, "alice", stage.room, text, id)
    held = await count_backends(site.postgres_url)
    trap.let_go()
    await no_backend(site.postgres_url)
    next_one = await post(stage.other, "alice", stage.room, "the next")

    assert (before, held) == ([], 1)
    assert (retried.status_code, retried.json()["seq"]) == (201, 2)
    assert next_one.json()["seq"] == 3
    assert await stage.history() == [(2, id), (3, next_one.json()["id"])]


async def test_postgres_killed_between_commit_and_answer_lets_the_gateway_tell_the_first_seq(
    mortal: MortalPostgres, redis_url: str, prefix: str
) -> None:
    id, text = str(uuid4()), f"held {token_hex(8)}"
    recovers_s = "30"
    async with (
        up(mortal),
        running(Site(mortal.url, redis_url, prefix)) as site,
        staged(site, postgres_timeout_s=recovers_s) as stage,
    ):
        trap = stage.postgres.set(Hold.COMMIT, text)
        async with greeted(stage.doomed, "alice") as alice:
            await alice.send(type="send", conversation=stage.room, id=id, text=text)
            await trap.reached()
            await mortal.kill()
            stage.postgres.cut()
            trap.let_go()
            await mortal.start()
            (ack,) = (await alice.until("acks", float(recovers_s)))["acks"]

        assert (ack["id"], ack["seq"], ack["duplicate"]) == (id, 2, True)
        assert await stage.history() == [(2, id)]


@pytest.mark.slow
async def test_gateways_and_postgres_killed_under_load_break_nothing(
    mortal: MortalPostgres, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    plan = Plan((Moment.COMMITTED, None, Moment.UNPUBLISHED, Moment.ANY), seed=1, size=Size(speakers=3, posters=4, rooms=3))
    async with up(mortal), running(Site(mortal.url, redis_url, prefix)) as site:
        outcome = await Ordeal(plan, site, mortal, tmp_path, lambda _: None).run()
    verdict = judge(outcome.record, outcome.logs)

    assert verdict.is_clean, verdict.words
    assert len(outcome.kills) == len(plan.kills)
    assert any(send.tries > 1 for send in outcome.record.sends)
