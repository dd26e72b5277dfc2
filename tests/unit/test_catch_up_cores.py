"""What is remembered of logs, what is believed of the recent payloads, and who comes next in the line."""

import asyncio
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.read.cached import read_run
from services.read.line import Line, Urgency
from services.read.memory import OVERHEAD_BYTES, PAGE_EVENTS, Known, Memory, Version, assemble, page, up_to_gone
from shared import frames, limits
from shared.bus.payload import Payload, pack

LOG, EPOCH = uuid4(), uuid4()
NOW = Version(EPOCH, 3)


def event(seq: int, type: str = "message", **fields: object) -> dict[str, object]:
    return {"seq": seq, "type": type, "text": f"text {seq}"} | fields


def known(seq: int, gone: str | None = None) -> Known:
    return Known(frames.encode(event(seq)), gone)


def payload(first: int, last: int, log: UUID = LOG, epoch: UUID = EPOCH, generation: int = 3) -> bytes:
    events = [event(seq) for seq in range(first, last + 1)]
    return pack(Payload(epoch, generation, first, last, frames.events_frame(log, events)))


# Memory.


def test_a_frame_from_memory_is_byte_for_byte_the_one_from_rows() -> None:
    events = [event(7), event(8)]
    encoded = [Known(frames.encode(e), None) for e in events]

    assert assemble(LOG, 7, encoded) == frames.events_frame(LOG, events)
    assert assemble(None, 7, encoded) == frames.events_frame(None, events)


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 90)), max_size=12), st.integers(1, 400), st.integers(0, 120))
def test_memory_gives_exactly_the_run_that_it_was_given(puts: list[tuple[int, int]], first: int, many: int) -> None:
    memory, held = Memory(), set[int]()
    for start, count in puts:
        memory.put(LOG, NOW, start, [known(seq) for seq in range(start, start + count)])
        held |= {*range(start, start + count)}

    found = memory.get(LOG, NOW, first, first + many - 1)

    expected = []
    for seq in range(first, first + many):
        if seq not in held:
            break
        expected.append(known(seq))
    assert found == expected


def test_what_was_read_under_another_generation_or_epoch_is_not_found() -> None:
    memory = Memory()
    memory.put(LOG, NOW, 1, [known(1), known(2)])

    for version in (Version(EPOCH, 4), Version(EPOCH, 2), Version(uuid4(), 3)):
        assert memory.get(LOG, version, 1, 2) == []
    assert memory.get(uuid4(), NOW, 1, 2) == []
    assert len(memory.get(LOG, NOW, 1, 2)) == 2


def test_a_later_generation_takes_the_place_of_an_earlier_one() -> None:
    memory = Memory()
    memory.put(LOG, NOW, 1, [known(1), known(2)])
    size = memory.size
    memory.put(LOG, Version(EPOCH, 4), 1, [known(1), known(2)])

    assert memory.get(LOG, NOW, 1, 2) == []
    assert memory.size == size


def test_memory_is_bounded_and_forgets_what_was_not_used_for_longest() -> None:
    size = len(known(1).json) + OVERHEAD_BYTES
    memory, logs = Memory(10 * size), [uuid4() for _ in range(11)]
    for log in logs[:10]:
        memory.put(log, NOW, 1, [known(1)])
    memory.get(logs[0], NOW, 1, 1)
    memory.put(logs[10], NOW, 1, [known(1)])

    assert memory.size <= 10 * size
    assert memory.get(logs[0], NOW, 1, 1)
    assert not memory.get(logs[1], NOW, 1, 1)


def test_a_page_is_bounded_in_events_and_bytes_but_has_at_least_one() -> None:
    assert len(page([known(1)] * 2 * PAGE_EVENTS)) == PAGE_EVENTS
    large = Known(b"x" * (limits.PAGE_BYTES // 2 + 1), None)
    assert len(page([large, large])) == 1
    assert len(page([Known(b"x" * 2 * limits.PAGE_BYTES, None)])) == 1


def test_a_run_ends_with_whoever_it_puts_out() -> None:
    events = [known(1), known(2, "bob"), known(3)]

    assert up_to_gone(events) == (events[:2], "bob")
    assert up_to_gone(events[2:]) == (events[2:], None)


# The recent payloads.


def seqs(events: list[Known]) -> list[int]:
    return [msgspec.json.decode(known.json)["seq"] for known in events]


def test_payloads_are_joined_from_within_the_first_one_on() -> None:
    found = read_run(LOG, NOW, 6, [payload(4, 7), payload(8, 8), payload(9, 11)], is_inbox=False)

    assert seqs(found) == [6, 7, 8, 9, 10, 11]


def test_overlapping_payloads_repeat_nothing() -> None:
    assert seqs(read_run(LOG, NOW, 5, [payload(4, 7), payload(6, 9), payload(9, 9)], is_inbox=False)) == [5, 6, 7, 8, 9]


BAD = {
    "a hole": payload(9, 9),
    "another epoch": payload(8, 8, epoch=uuid4()),
    "another generation": payload(8, 8, generation=2),
    "another log": payload(8, 8, log=uuid4()),
    "nothing": b"",
    "no publication": b"\xff\x00",
    "no JSON": pack(Payload(EPOCH, 3, 8, 8, b"{...")),
    "no events": pack(Payload(EPOCH, 3, 8, 8, b"{}")),
    "too few events": pack(Payload(EPOCH, 3, 8, 9, frames.events_frame(LOG, [event(8)]))),
    "other seqs": pack(Payload(EPOCH, 3, 8, 8, frames.events_frame(LOG, [event(9)]))),
    "an inbox's": pack(Payload(EPOCH, 3, 8, 8, frames.events_frame(None, [event(8)]))),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_not_what_it_should_be_ends_the_run(bad: str) -> None:
    payloads = [payload(6, 7), BAD[bad], payload(9, 9)]

    assert seqs(read_run(LOG, NOW, 6, payloads, is_inbox=False)) == [6, 7]
    assert read_run(LOG, NOW, 8, payloads[1:], is_inbox=False) == []


def test_who_is_put_out_is_known_from_the_event_and_in_an_inbox_nobody_is() -> None:
    told = [event(1, "left", user="bob"), event(2)]
    conversation = pack(Payload(EPOCH, 3, 1, 2, frames.events_frame(LOG, told)))
    inbox = pack(Payload(EPOCH, 0, 1, 2, frames.events_frame(None, told)))

    assert [e.gone for e in read_run(LOG, NOW, 1, [conversation], is_inbox=False)] == ["bob", None]
    assert [e.gone for e in read_run(LOG, Version(EPOCH, 0), 1, [inbox], is_inbox=True)] == [None, None]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    assert read_run(LOG, NOW, 1, [data], is_inbox=False) == []


# The line.


async def test_a_line_lets_a_few_in_then_by_urgency_and_by_coming() -> None:
    line, order, go_on = Line(2), list[str](), asyncio.Event()

    async def take(name: str, urgency: Urgency) -> None:
        async with line.turn(urgency):
            order.append(name)
            await go_on.wait()

    names = [("a", 1), ("b", 1), ("missed 1", 1), ("missed 2", 1), ("live 1", 0), ("live 2", 0)]
    async with asyncio.TaskGroup() as tasks:
        for name, urgency in names:
            tasks.create_task(take(name, Urgency(urgency)))
            await asyncio.sleep(0)
        assert (order, len(line)) == (["a", "b"], 4)
        go_on.set()

    assert order == ["a", "b", "live 1", "live 2", "missed 1", "missed 2"]


async def test_who_gives_up_waiting_keeps_nobody_else_out() -> None:
    line = Line(1)

    async def take() -> None:
        async with line.turn(Urgency.MISSED):
            pass

    async with line.turn(Urgency.MISSED):
        waiting = [asyncio.create_task(take()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()

    async with asyncio.timeout(1):
        await waiting[2]
        await take()
