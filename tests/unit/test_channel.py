"""One log at one gateway: whatever arrives, what leaves is each seq once, ascending, without a hole."""

from hypothesis import given
from hypothesis import strategies as st

from services.read.channel import Arrival, Channel, Fetch, Push


def push(first: int, last: int) -> Push:
    return Push(first, last, f"{first}-{last}".encode())


def seqs(pushes: list[Push]) -> list[int]:
    return [seq for p in pushes for seq in range(p.first, p.last + 1)]


def test_the_next_publication_is_pushed() -> None:
    channel = Channel(4)

    assert channel.receive(push(5, 6)) == (Arrival.NEXT, [push(5, 6)], None)
    assert channel.pushed == 6


def test_an_old_publication_is_dropped() -> None:
    assert Channel(4).receive(push(3, 4)) == (Arrival.OLD, [], None)


def test_a_hole_is_fetched_before_what_comes_after_it() -> None:
    channel = Channel(4)

    arrival, pushed, fetch = channel.receive(push(7, 8))

    assert (arrival, pushed, fetch) == (Arrival.EARLY, [], Fetch(5, 6))
    assert channel.fetched([push(5, 6)]) == ([push(5, 6), push(7, 8)], None)


def test_a_publication_that_overlaps_what_was_pushed_is_fetched_anew() -> None:
    channel = Channel(4)

    assert channel.receive(push(4, 6)) == (Arrival.OVERLAPPING, [], Fetch(5, 6))


def test_only_one_fetch_runs_at_a_time() -> None:
    channel = Channel(0)

    assert channel.expect(3) == Fetch(1, 3)
    assert channel.expect(5) is None
    assert channel.fetched([push(1, 3)]) == ([push(1, 3)], Fetch(4, 5))


def test_a_failed_fetch_is_asked_for_again_by_the_next_head() -> None:
    channel = Channel(0)
    channel.expect(3)

    channel.failed()

    assert channel.expect(3) == Fetch(1, 3)


def test_the_tail_serves_whoever_joins_at_a_frame_that_it_still_holds() -> None:
    channel = Channel(0)
    channel.receive(push(1, 2))
    channel.receive(push(3, 3))

    assert channel.since(2) == [push(3, 3)]
    assert channel.since(3) == []
    assert channel.since(1) is None, "the position lies inside a frame"


def test_the_tail_is_bounded_in_bytes() -> None:
    channel = Channel(0)
    for seq in range(1, 20):
        channel.receive(Push(seq, seq, b"x" * 100_000))

    assert channel.since(0) is None
    assert channel.since(18) is not None


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[Push]]:
    """A log cut into publications, of which some are lost, some repeated, in any order."""
    cuts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=30))
    whole, seq = [], 0
    for size in cuts:
        whole.append(push(seq + 1, seq + size))
        seq += size
    arriving = draw(st.lists(st.sampled_from(whole), max_size=60))
    return seq, arriving


@given(histories())
def test_whatever_arrives_the_log_leaves_whole(history: tuple[int, list[Push]]) -> None:
    head, arriving = history
    channel = Channel(0)
    seen: list[int] = []

    def fill(fetch: Fetch | None) -> None:
        while fetch is not None:
            pushed, fetch = channel.fetched([push(fetch.first, min(fetch.last, fetch.first + 2))])
            seen.extend(seqs(pushed))

    for publication in arriving:
        _, pushed, fetch = channel.receive(publication)
        seen.extend(seqs(pushed))
        fill(fetch)
    fill(channel.expect(head))

    assert seen == list(range(1, head + 1))


def test_an_erased_text_leaves_the_tail_with_the_deletion() -> None:
    channel = Channel(0)
    channel.receive(Push(1, 1, b"secret"))
    assert channel.since(0) == [Push(1, 1, b"secret")]
    channel.receive(Push(2, 2, b"deletion", generation=1))
    assert channel.since(0) is None
    assert channel.since(1) == [Push(2, 2, b"deletion", generation=1)]


def test_an_erased_text_leaves_the_tail_when_the_heads_tell_of_it() -> None:
    channel = Channel(0)
    channel.receive(Push(1, 1, b"secret"))
    channel.learn_generation(1)
    assert channel.since(0) is None
    assert channel.since(1) == []
