"""What is unread, as the Python client counts it."""

from ringpost_client import Event
from ringpost_client.counts import MOST_SEQS, Counts

ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


def event(seq: int, sender: str = "bob", type: str = "message") -> Event:
    return Event(ROOM, seq, type, {"seq": seq, "sender": sender})


def test_the_messages_of_others_that_come_count_and_nothing_else_does() -> None:
    counts = Counts()
    counts.see(event(1), "alice")
    assert counts.of(ROOM) is None

    counts.take(ROOM, head=4, unread=2)
    for each in (event(4), event(5), event(6, "alice"), event(7, type="reacted"), event(8), event(8)):
        counts.see(each, "alice")

    assert counts.of(ROOM) == 2 + 2


def test_a_marker_that_was_told_of_an_earlier_moment_loses_nothing_that_came_since() -> None:
    counts = Counts()
    counts.take(ROOM, head=0, unread=0)
    for seq in range(1, 6):
        counts.see(event(seq), "alice")
    counts.take(ROOM, head=3, unread=1)

    assert counts.of(ROOM) == 1 + 2


def test_who_never_reads_takes_up_no_more_than_so_much() -> None:
    counts = Counts()
    counts.take(ROOM, head=0, unread=0)
    for seq in range(1, 3 * MOST_SEQS):
        counts.see(event(seq), "alice")

    assert counts.of(ROOM) == 3 * MOST_SEQS - 1
    assert len(counts._of[ROOM].later) == MOST_SEQS


def test_what_one_has_left_has_no_count() -> None:
    counts = Counts()
    counts.take(ROOM, head=1, unread=1)
    counts.see(Event(None, 7, "removed", {"seq": 7, "conversation": ROOM}), "alice")
    assert counts.of(ROOM) is None
