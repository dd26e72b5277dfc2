"""By what the Python client reads, and what it makes of event streams: nothing that a vector plays."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from ringpost_client.sse import EventLines
from ringpost_client.transport import AUTO, TRIES, Ladder, Transport


@given(st.lists(st.sampled_from(["fails", "away", "stands"]), max_size=40))
def test_who_never_hears_plain_http_stays_where_they_are(happenings: list[str]) -> None:
    ladder = Ladder(lambda: 0.5, AUTO)
    for happens in happenings:
        if happens == "fails":
            ladder.fail()
        elif happens == "away":
            ladder.answer(False, 0.0)
        else:
            ladder.settle()

    assert ladder.current is Transport.WS


@given(st.integers(0, 12))
def test_each_rung_takes_as_many_failures_and_the_last_leads_to_the_first(falls: int) -> None:
    ladder = Ladder(lambda: 0.5, AUTO)
    for _ in range(falls * TRIES):
        assert ladder.fail()
        assert not ladder.fail()  # one question at a time
        ladder.answer(True, 0.0)

    assert ladder.current is AUTO[falls % len(AUTO)]


def test_the_pause_before_a_climb_doubles_up_to_its_cap_and_no_herd_climbs_at_once() -> None:
    chances = iter([0.0, 1.0, 0.0, 1.0])
    ladder = Ladder(lambda: next(chances), AUTO, base_s=30, cap_s=100)
    for _ in range(TRIES):
        ladder.fail()
        ladder.answer(True, 0.0)
    pauses = [ladder.climb_at]
    for _ in range(3):
        ladder.climb()
        ladder.stay(0.0)
        pauses.append(ladder.climb_at)

    assert pauses == [15, 60, 50, 100]


EVENTS = 'event: welcome\ndata: {"a": "\u2028\x85"}\n\n:\n\nevent: events\nid: inbox:1\ndata: {"b": 2}\n\ndata: x\ndata: y\n\n'


@given(st.lists(st.integers(0, len(EVENTS.encode()))))
def test_events_are_the_same_wherever_the_network_cuts_them(cuts: list[int]) -> None:
    raw, lines, found = EVENTS.encode(), EventLines(), list[bytes | None]()
    edges = [0, *sorted(cuts), len(raw)]
    for start, end in itertools.pairwise(edges):
        found += lines.feed(raw[start:end])

    assert found == ['{"a": "\u2028\x85"}'.encode(), None, b'{"b": 2}', b"x\ny"]


def test_what_is_not_whole_is_no_event() -> None:
    lines = EventLines()
    assert lines.feed(b"data: a\n") == []
    assert lines.feed(b"\ndata: b") == [b"a"]
