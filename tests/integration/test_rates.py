"""The rates of all gateways together, in a real Valkey; and of one alone while it is away."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from deploy.local.account import choose_account
from deploy.local.command import spawn
from deploy.local.process import end
from deploy.local.valkey import prepare_valkey
from services.write.limiter import REPORT_S, Limiter
from services.write.rates import Rates
from shared.auth import ADMIN, Identity
from shared.bus.client import connect
from shared.bus.rates import Debit, Kind, SharedBuckets
from shared.errors import RateLimited, Unavailable
from tests.wire import wired

ROOM = uuid4()
ALICE = Identity("alice", expires_at=1e10)
TIMEOUT_S = 1.0


def debit(name: str = "alice", *, used: int = 1, level: float = 299.0, rate: float = 100.0, burst: float = 300.0) -> Debit:
    return Debit(Kind.USER, name, rate, burst, used, level)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    """A client that looks at what is there."""
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@asynccontextmanager
async def buckets_at(url: str, prefix: str, timeout_s: float = TIMEOUT_S) -> AsyncIterator[SharedBuckets]:
    """What a gateway has: a client of its own. The deadline is the buckets', whatever patience the client has."""
    client = connect(url, 30)
    yield SharedBuckets(client, prefix, timeout_s)
    await client.aclose()


@pytest.fixture
async def one(redis_url: str, prefix: str) -> AsyncIterator[SharedBuckets]:
    async with buckets_at(redis_url, prefix) as buckets:
        yield buckets


@pytest.fixture
async def two(redis_url: str, prefix: str) -> AsyncIterator[SharedBuckets]:
    async with buckets_at(redis_url, prefix) as buckets:
        yield buckets


async def redis_s(redis: Any) -> float:
    seconds, micros = await redis.time()
    return float(seconds) + float(micros) / 1e6


async def only_key(redis: Any, prefix: str) -> str:
    (key,) = [key async for key in redis.scan_iter(f"{prefix}:*")]
    return str(key)


async def test_a_bucket_that_redis_does_not_know_begins_where_the_gateway_stands(one: SharedBuckets) -> None:
    assert await one.debit([debit(used=5, level=7.25)]) == [7.25]


async def test_two_gateways_take_from_one_bucket_that_fills_by_the_clock_of_redis(
    one: SharedBuckets, two: SharedBuckets, redis: Any
) -> None:
    before_s = await redis_s(redis)
    await one.debit([debit(used=200, level=100)])
    began_s = await redis_s(redis)
    await asyncio.sleep(0.2)
    late_s = await redis_s(redis)
    (level,) = await two.debit([debit(used=80, level=220)])
    after_s = await redis_s(redis)

    assert 20 + 100 * (late_s - began_s) - 0.01 <= level <= 20 + 100 * (after_s - before_s) + 0.01


async def test_a_bucket_overflows_at_its_burst_and_owes_no_more_than_ten(one: SharedBuckets) -> None:
    assert await one.debit([debit(used=1, level=300)]) == [300]
    await asyncio.sleep(0.1)
    assert await one.debit([debit(used=1)]) == [300]
    assert await one.debit([debit(used=1_000_000)]) == [-3_000]


async def test_a_kind_a_name_and_a_rate_make_a_bucket(one: SharedBuckets) -> None:
    first = debit(level=1)
    others = [replace(first, name="alice "), replace(first, rate=200.0), replace(first, kind=Kind.CONVERSATION)]
    others += [replace(first, name=name) for name in ("", "阿狸 🦊", "x" * 255, "*", "alice:1")]
    await one.debit([first])

    levels = await one.debit([replace(other, level=float(n)) for n, other in enumerate(others)])

    assert levels == [float(n) for n in range(len(others))]


async def test_keys_show_no_name_and_vanish_once_the_bucket_is_full(one: SharedBuckets, redis: Any, prefix: str) -> None:
    await one.debit([debit(level=290, rate=1_000)])
    key = await only_key(redis, prefix)

    assert key.startswith(f"{prefix}:rate:user:")
    assert "alice" not in key
    assert 0 < await redis.pttl(key) <= 1_010
    await asyncio.sleep(1.1)
    assert not await redis.exists(key)


async def test_the_slowest_bucket_too_is_kept_for_an_hour_at_most(one: SharedBuckets, redis: Any, prefix: str) -> None:
    await one.debit([debit(rate=0.001, burst=1, used=11, level=-10)])

    assert 3_590_000 < await redis.pttl(await only_key(redis, prefix)) <= 3_600_000


async def test_a_clock_of_redis_that_is_set_back_loses_one_refill_and_no_more(
    one: SharedBuckets, redis: Any, prefix: str
) -> None:
    await one.debit([debit(level=100)])
    an_hour_ahead = int((await redis_s(redis) + 3_600) * 1e6)
    await redis.set(await only_key(redis, prefix), f"100.000000 {an_hour_ahead}")

    assert await one.debit([debit(used=10)]) == [90]
    await asyncio.sleep(0.1)
    assert (await one.debit([debit(used=10)]))[0] >= 90


async def test_a_thousand_buckets_are_answered_in_order_by_five_calls(one: SharedBuckets, redis: Any) -> None:
    await one.debit([debit("warm")])
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]

    levels = await one.debit([debit(f"user {n}", level=n / 8, burst=300) for n in range(1_000)])

    assert levels == [n / 8 for n in range(1_000)]
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before + 5


async def test_a_flushed_script_cache_is_not_noticed(one: SharedBuckets, redis: Any) -> None:
    await one.debit([debit(level=100)])
    await redis.script_flush()

    assert (await one.debit([debit(used=10)]))[0] == pytest.approx(90, abs=50)


async def test_a_redis_that_does_not_answer_is_unavailable_in_time_and_its_late_answers_are_nobodys(
    redis_url: str, prefix: str
) -> None:
    async with wired(redis_url) as (url, wire), buckets_at(url, prefix, timeout_s=0.3) as buckets:
        await buckets.debit([debit("first", level=1)])
        wire.hold()
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await buckets.debit([debit("second", level=2)])
        assert time.monotonic() - started < 1
        wire.release()

        assert await buckets.debit([debit("third", level=3)]) == [3]


# The limiter, which runs all of it.


def drain(limiter: Limiter, identity: Identity = ALICE, room: UUID = ROOM) -> int:
    admitted = 0
    try:
        while True:
            limiter.check(identity, room)
            admitted += 1
    except RateLimited:
        return admitted


async def wait_until_told() -> None:
    await asyncio.sleep(4 * REPORT_S)


@asynccontextmanager
async def running(*limiters: Limiter) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        loops = [tasks.create_task(limiter.run()) for limiter in limiters]
        yield
        for loop in loops:
            loop.cancel()


async def test_what_was_sent_through_one_gateway_is_missing_at_another(one: SharedBuckets, two: SharedBuckets) -> None:
    first, second = Limiter(Rates(10, 0), one), Limiter(Rates(10, 0), two)
    async with running(first, second):
        assert drain(first) == 30
        await wait_until_told()
        for _ in range(20):
            second.check(ALICE, ROOM)
        await wait_until_told()
        with pytest.raises(RateLimited) as refused:
            second.check(ALICE, ROOM)

    assert 0.5 < (refused.value.retry_after_s or 0) < 2.1
    assert second.metrics()["write_rate_limited_total"] == 1


async def test_a_conversation_is_held_to_its_rate_over_all_gateways(one: SharedBuckets, two: SharedBuckets) -> None:
    limiters = [Limiter(Rates(0, 200), one), Limiter(Rates(0, 200), two)]
    started, admitted = time.monotonic(), 0
    async with running(*limiters):
        while time.monotonic() - started < 4:
            admitted += sum(map(drain, limiters))
            await asyncio.sleep(0.02)
        took_s = time.monotonic() - started

    # Each may empty a full bucket before it has heard of the other, once.
    assert 200 * took_s <= admitted <= 600 + 200 * took_s + 600 + 200 * 4 * REPORT_S


async def test_a_pause_that_was_asked_for_is_enough(one: SharedBuckets) -> None:
    limiter = Limiter(Rates(50, 0), one)
    async with running(limiter):
        for _ in range(20):
            await asyncio.sleep(until_refused(limiter) + 0.005)
            limiter.check(ALICE, ROOM)


def until_refused(limiter: Limiter) -> float:
    """Take what there is; return for how long the first that is refused has to wait."""
    while True:
        try:
            limiter.check(ALICE, ROOM)
        except RateLimited as refused:
            return refused.retry_after_s or 0.0


async def test_the_admin_key_has_no_limit(one: SharedBuckets) -> None:
    limiter = Limiter(Rates(1, 1), one)
    for _ in range(100):
        limiter.check(ADMIN, ROOM)

    assert limiter.metrics()["write_rate_buckets"] == 0


async def test_a_token_s_own_rate_counts(one: SharedBuckets) -> None:
    limiter = Limiter(Rates(1, 0), one)

    assert drain(limiter) == 3
    assert drain(limiter, replace(ALICE, rate=10.0)) == 30


@pytest.fixture
def own_valkey() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of the test's own, that it may stop."""
    server = prepare_valkey(token_hex(16), choose_account())
    process = spawn(server.command, subprocess.DEVNULL)
    deadline = time.monotonic() + 15
    while not server.is_ready(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield server.url, process
    process.send_signal(signal.SIGCONT)
    end(process.pid, [(server.command.stop_signal, 10.0), (signal.SIGKILL, 1.0)])
    process.wait(1)


async def test_with_redis_stopped_no_send_waits_and_the_gateway_limits_by_itself(
    own_valkey: tuple[str, subprocess.Popen[bytes]], prefix: str
) -> None:
    url, process = own_valkey
    async with buckets_at(url, prefix, timeout_s=0.3) as buckets:
        limiter = Limiter(Rates(100, 0), buckets)
        async with running(limiter):
            drain(limiter)
            await wait_until_told()
            process.send_signal(signal.SIGSTOP)
            started, admitted, longest_s = time.monotonic(), drain(limiter), 0.0
            while time.monotonic() - started < 2:
                await asyncio.sleep(0.01)
                asked = time.monotonic()
                admitted += drain(limiter)
                longest_s = max(longest_s, time.monotonic() - asked)
            took_s = time.monotonic() - started

    # What came before the stop is among what is admitted after it.
    assert 100 * took_s - 10 <= admitted <= 100 * took_s + 60
    assert longest_s < 0.2


async def test_with_redis_back_gateways_hear_of_each_other_again_and_it_was_logged_once(
    own_valkey: tuple[str, subprocess.Popen[bytes]], prefix: str
) -> None:
    url, process = own_valkey
    async with buckets_at(url, prefix, timeout_s=0.2) as buckets, buckets_at(url, prefix) as others:
        limiter, other = Limiter(Rates(100, 0), buckets), Limiter(Rates(100, 0), others)
        with capture_logs() as logs:
            async with running(limiter):
                process.send_signal(signal.SIGSTOP)
                for _ in range(20):
                    drain(limiter)
                    await asyncio.sleep(REPORT_S)
                process.send_signal(signal.SIGCONT)
                failed = limiter.metrics()["write_rate_reports_failed_total"]
                async with running(other):
                    drain(other)
                    await wait_until_told()
                drain(limiter)
                await wait_until_told()
                with pytest.raises(RateLimited) as refused:
                    limiter.check(ALICE, ROOM)

    assert (refused.value.retry_after_s or 0) > 0.5
    assert failed >= 3
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


async def test_the_loop_ends_at_once_though_redis_is_stopped(
    own_valkey: tuple[str, subprocess.Popen[bytes]], prefix: str
) -> None:
    url, process = own_valkey
    async with buckets_at(url, prefix, timeout_s=30) as buckets:
        limiter = Limiter(Rates(100, 0), buckets)
        process.send_signal(signal.SIGSTOP)
        async with running(limiter):
            drain(limiter)
            await asyncio.sleep(3 * REPORT_S)
            started = time.monotonic()

    assert time.monotonic() - started < 1
