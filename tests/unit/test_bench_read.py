"""The read benchmark's own parts: who sends when, what a fan-out's speaker says, and what is made of what was measured."""

import asyncio
from collections.abc import Sequence
from itertools import repeat

import pytest

from tests.bench.audience import seats_of
from tests.bench.dialect import Events, Opened
from tests.bench.floor import add_up
from tests.bench.houses import Group, Shape
from tests.bench.ledger import InOrder, Ledger
from tests.bench.load.sender import Message
from tests.bench.load.volley import Volley
from tests.bench.read_long import read_soak
from tests.bench.read_runs import read_percentiles
from tests.bench.relay import Relay, RelayLine
from tests.bench.rescue import Rescue, parse_sources
from tests.bench.rounds import Busy
from tests.bench.soak import Soak
from tests.bench.window import Window

ROOM, OTHER = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
BUSY = Busy(0.0, 0.0, 0.0)


class Paper:
    """A line that keeps what is sent, acknowledges it at once, and delivers it when it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._copy = InOrder({})
        self.sent: list[Message] = []
        self._delivered = 0

    def transmit(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.sent.append(message)
            self._ledger.ack(message.conversation, message.id, len(self.sent))

    def deliver(self, count: int) -> None:
        for message in self.sent[self._delivered : self._delivered + count]:
            self._delivered += 1
            self._ledger.deliver(self._copy, self._ledger.tell(ROOM, [(self._delivered, message.id)]), 1.0)

    def close(self) -> None:
        """There is nothing to end."""


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def paper(ledger: Ledger) -> Paper:
    return Paper(ledger)


@pytest.fixture
def volley(ledger: Ledger, paper: Paper) -> Volley:
    return Volley(paper, ledger, ROOM, 1, repeat(b'"hi"'))


async def test_the_next_volley_comes_when_the_last_message_of_the_one_before_is_delivered(volley: Volley, paper: Paper) -> None:
    volley.begin(3)
    paper.deliver(2)
    await asyncio.sleep(0)
    assert len(paper.sent) == 3

    paper.deliver(1)
    await asyncio.sleep(0)

    assert len(paper.sent) == 6


async def test_a_volley_that_was_stopped_sends_nothing_more(volley: Volley, paper: Paper) -> None:
    volley.begin(2)
    volley.stop()
    paper.deliver(2)
    await asyncio.sleep(0)

    assert len(paper.sent) == 2


async def test_what_is_fired_at_a_pace_is_not_fired_again(volley: Volley, paper: Paper) -> None:
    volley.fire(1)
    paper.deliver(1)
    await asyncio.sleep(0)

    assert len(paper.sent) == 1


def test_a_speaker_numbers_each_room_from_one_on(ledger: Ledger) -> None:
    line, relay = RelayLine(Relay(), ledger), Relay()
    ids = [
        "11111111-1111-4111-8111-111111111111",
        "22222222-2222-4222-8222-222222222222",
        "33333333-3333-4333-8333-333333333333",
    ]
    frames = []
    for room, id in zip((ROOM, OTHER, ROOM), ids, strict=True):
        ledger.send(id, room, 0, 0.0, lambda: None)
        frames.append(line.frame(Message(room, id, b'"hi"')))

    heard = [relay.hear(frame[36:]) for frame in frames]

    assert [frame[:36].decode() for frame in frames] == [ROOM, OTHER, ROOM]
    assert heard == [Events(ROOM, [(1, ids[0])]), Events(OTHER, [(1, ids[1])]), Events(ROOM, [(2, ids[2])])]
    assert ledger.acked == 3
    assert ledger.faults == []


def test_the_welcome_of_a_fan_out_is_all_that_comes_before_what_is_live() -> None:
    assert Relay().hear(b'{"type":"welcome"}') == Opened({}, is_ready=True)


def test_everybody_has_a_seat_in_the_conversations_of_their_group_but_the_owner() -> None:
    groups = [Group("o1", ["a", "b"], ["x", "y"]), Group("o2", ["c"], ["z"])]

    assert seats_of(groups) == [("a", ["x", "y"]), ("b", ["x", "y"]), ("c", ["z"])]
    assert Shape(15, 1_000, 3).users == 15_000


def test_parts_add_up_to_sums_between_the_least_and_the_most_in_order() -> None:
    sums = add_up([[0.001, 0.002], [0.010], [0.100, 0.300]], draws=1_000)

    assert sums == sorted(sums)
    assert sums[0] == pytest.approx(0.111)
    assert sums[-1] == pytest.approx(0.312)


def test_a_percentile_is_what_that_share_did_not_exceed() -> None:
    samples = read_percentiles("delay", [n / 1_000 for n in range(100)])

    assert [(sample.row, sample.value) for sample in samples] == [("delay p50", 50), ("delay p99", 99)]


@pytest.mark.parametrize(
    ("caught_up", "share"),
    [({}, None), ({"cache": 0.0}, None), ({"memory": 60.0, "cache": 36.0, "postgres": 4.0}, 0.04), ({"memory": 5.0}, 0.0)],
)
def test_the_share_of_postgres_is_of_all_that_was_caught_up(caught_up: dict[str, float], share: float | None) -> None:
    assert Rescue(0.1, 1.0, caught_up, BUSY).from_postgres == share


def test_the_sources_of_caught_up_events_are_read_from_a_gateways_figures() -> None:
    figures = """# TYPE ringpost_read_catch_up_events_total counter
ringpost_read_catch_up_events_total{source="cache"} 7.0
ringpost_read_catch_up_events_total{source="postgres"} 2.0
# TYPE ringpost_read_logs gauge
ringpost_read_logs 3.0
"""

    assert parse_sources(figures) == {"cache": 7.0, "postgres": 2.0}
    assert parse_sources("") == {}


def test_a_soak_tells_the_most_of_its_first_and_last_sixth() -> None:
    memory = [size << 20 for size in (10, 12, 99, 99, 99, 99, 99, 99, 99, 99, 11, 15)]
    window = Window(60.0, 3.0, 1.0, 0.0, 600, 30_000, [])

    samples = read_soak(Soak(memory, window, 5)).samples

    assert {sample.row: sample.value for sample in samples if sample.unit.name == "MiB"} == {
        "memory of a gateway, at most in the first sixth": 12,
        "memory of a gateway, at most in the last sixth": 15,
        "memory of a gateway, growth": 3,
    }
