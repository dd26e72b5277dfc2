"""The read benchmark on real systems, small: every kind of run, and a peer that cannot be had."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.bench.cores import choose_cores
from tests.bench.fanout import Flow, run_fanout
from tests.bench.floor import PARTS, Floor
from tests.bench.houses import Shape, start_readers, start_tutorial_house
from tests.bench.idle import run_idle
from tests.bench.load.texts import sized_texts
from tests.bench.read import start_echo, start_floor
from tests.bench.relays import C_LOOP, start_c_loop, start_relays, start_starlette
from tests.bench.rescue import run_handshakes, run_rescue
from tests.bench.soak import run_soak
from tests.bench.stage import Stage, open_stage

pytestmark = pytest.mark.slow

TEXTS = sized_texts(200)
SMALL = Shape(2, 5)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage(choose_cores(os.sched_getaffinity(0))) as stage:
        yield stage


async def test_ours_and_the_tutorial_deliver_to_rooms_flat_out_and_at_a_pace(stage: Stage) -> None:
    for house in ((await start_readers(stage)).house, await start_tutorial_house(stage)):
        for flow in (Flow(), Flow(volley=3), Flow(per_second=50)):
            fanout = await run_fanout(house, SMALL, flow, TEXTS, 0.3)

            assert fanout.window.delivered >= 5
            assert 0 < fanout.window.servers_cpu_s < fanout.whole_cpu_s


async def test_the_fan_outs_deliver_to_rooms_again_and_again(stage: Stage) -> None:
    for house in (await start_c_loop(stage), await start_starlette(stage)):
        for volley in (1, 16):
            fanout = await run_fanout(house, SMALL, Flow(volley), TEXTS, 0.3)

            assert fanout.window.delivered >= 5
            assert fanout.window.servers_cpu_s > 0


async def test_a_peer_without_what_it_needs_is_left_out_and_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    houses = await start_relays(stage, {C_LOOP: start_c_loop})

    assert houses == {}
    assert stage.found == {C_LOOP: "left out: there is no C compiler (cc)"}


async def test_clients_of_a_killed_gateway_get_all_that_they_missed_from_another(stage: Stage) -> None:
    readers = await start_readers(stage)
    async with stage.inner() as inner:
        rescue = await run_rescue(await readers.start(inner, "doomed"), readers.house, SMALL, TEXTS)

    assert 0 < rescue.noticed_s < rescue.whole_s


async def test_idle_connections_take_memory_and_a_push_reaches_all(stage: Stage) -> None:
    readers = await start_readers(stage)
    async with stage.inner() as inner:
        idle = await run_idle(await readers.start(inner, "fresh"), Shape(2, 300, 3), TEXTS, 0.3)

    assert 500 < idle.bytes_a_connection < 50_000
    assert idle.push_s > 0
    assert idle.push_cpu_s > 0


async def test_the_floor_and_bare_handshakes_are_measured(stage: Stage) -> None:
    floor, watched = await start_floor(stage, "a text")
    echo, echo_watched = await start_echo(stage)

    parts = await floor.measure(watched, 0.3)
    lap = await run_handshakes(echo, echo_watched, 20)

    assert isinstance(floor, Floor)
    assert tuple(parts) == PARTS
    assert all(pulse.delay_ms(0.5) > 0 for pulse in parts.values())
    assert lap.servers_cpu_s > 0


async def test_a_soak_looks_at_memory_while_people_come_and_go(stage: Stage) -> None:
    soak = await run_soak((await start_readers(stage)).house, SMALL, Flow(per_second=50), TEXTS, 2.5)

    assert len(soak.memory) >= 2
    assert soak.window.delivered > 0
    assert soak.visits > 0
