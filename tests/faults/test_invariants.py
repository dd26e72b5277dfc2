"""The judge of the fault tests, itself tested: planted in a good history, each fault is found and no other."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.invariants import Fault, judge
from tests.faults.record import Ack, Entry, Record, Send

ROOM, ALICE, BOB = "room", "alice", "bob"
History = tuple[Record, dict[str, list[Entry]]]


def good_history() -> History:
    """Alice pipelines three sends, Bob posts one by one; one is not known and stored, one not known and not stored."""
    sends = [
        Send(ROOM, ALICE, "a1", "one", 1.0, is_pipelined=True, tries=2, acks=[Ack(2, 5.0)]),
        Send(ROOM, ALICE, "a2", "two", 1.1, is_pipelined=True, tries=2, acks=[Ack(3, 5.0)]),
        Send(ROOM, ALICE, "a3", "three", 1.2, is_pipelined=True, tries=1, acks=[Ack(5, 6.0)]),
        Send(ROOM, BOB, "b1", "one", 2.0, tries=3, acks=[Ack(4, 5.5), Ack(4, 7.0)]),
        Send(ROOM, BOB, "b1", "other", 5.6, is_bad=True, tries=1, refusals=["id_reused"]),
        Send(ROOM, BOB, "b2", "two", 6.5, tries=1, is_given_up=True),
        Send(ROOM, BOB, "b3", "three", 6.6, tries=1, is_given_up=True),
        Send(ROOM, BOB, "b4", " ", 6.7, is_bad=True, tries=1, refusals=["invalid"]),
    ]
    log = [
        Entry(1, "created", ALICE, "c", ""),
        Entry(2, "message", ALICE, "a1", "one"),
        Entry(3, "message", ALICE, "a2", "two"),
        Entry(4, "message", BOB, "b1", "one"),
        Entry(5, "message", ALICE, "a3", "three"),
        Entry(6, "message", BOB, "b2", "two"),
    ]
    return Record(sends, {"carol": {ROOM: list(log)}}), {ROOM: log}


def found(history: History) -> dict[Fault, int]:
    return {fault: count for fault, count in judge(*history).counts.items() if count}


def send(history: History, id: str) -> Send:
    return next(send for send in history[0].sends if send.id == id)


def retold(history: History, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Change the log, and what was shown of it alike: only what was sent can tell."""
    record, logs = history
    logs[ROOM] = change(logs[ROOM])
    record.seen["carol"][ROOM] = list(logs[ROOM])


def renumbered(entries: list[Entry]) -> list[Entry]:
    return [replace(entry, seq=seq) for seq, entry in enumerate(entries, 1)]


def without(seq: int) -> Callable[[list[Entry]], list[Entry]]:
    return lambda log: [entry for entry in log if entry.seq != seq]


def swapped(first: int, second: int) -> Callable[[list[Entry]], list[Entry]]:
    """Return what lets the entries of two places change these places."""
    places = {first: second, second: first}
    return lambda log: sorted((replace(e, seq=places.get(e.seq, e.seq)) for e in log), key=lambda e: e.seq)


def a_row_is_deleted(history: History) -> None:
    retold(history, without(4))


def the_last_row_is_deleted(history: History) -> None:
    send(history, "b2").acks = [Ack(6, 6.9)]
    retold(history, without(6))


def a_text_is_altered(history: History) -> None:
    retold(history, lambda log: [replace(entry, text="lies") if entry.id == "b1" else entry for entry in log])


def a_row_is_there_that_nobody_sent(history: History) -> None:
    retold(history, lambda log: [*log, Entry(7, "message", "mallory", "m1", "hello")])


def a_refused_send_is_stored(history: History) -> None:
    retold(history, lambda log: [*log, Entry(7, "message", BOB, "b4", " ")])


def a_good_send_is_refused_and_stored(history: History) -> None:
    send(history, "b2").refusals = ["not_found"]


def a_bad_send_is_acknowledged(history: History) -> None:
    bad = send(history, "b4")
    bad.refusals, bad.acks = [], [Ack(7, 6.8)]
    retold(history, lambda log: [*log, Entry(7, "message", BOB, "b4", " ")])


def another_body_took_the_place_of_the_first(history: History) -> None:
    retold(history, lambda log: [replace(entry, text="other") if entry.id == "b1" else entry for entry in log])


def a_send_is_stored_twice(history: History) -> None:
    retold(history, lambda log: [*log, Entry(7, "message", BOB, "b2", "two")])


def a_retry_got_another_seq(history: History) -> None:
    send(history, "b1").acks[1] = Ack(6, 7.0)


def two_seqs_are_swapped(history: History) -> None:
    retold(history, swapped(4, 5))


def a_seq_is_left_out(history: History) -> None:
    retold(history, lambda log: [replace(entry, seq=7) if entry.seq == 6 else entry for entry in log])


def two_places_have_the_same_seq(history: History) -> None:
    retold(history, lambda log: [*log, replace(log[-1], sender=BOB, id="b3", text="three")])


def pipelined_sends_are_stored_in_another_order(history: History) -> None:
    retold(history, swapped(2, 3))
    send(history, "a1").acks, send(history, "a2").acks = [Ack(3, 5.0)], [Ack(2, 5.0)]


def a_send_overtakes_one_that_was_acknowledged_before_it_began(history: History) -> None:
    late, early = send(history, "b2"), send(history, "b1")
    retold(history, swapped(4, 6))
    late.acks, early.acks = [Ack(4, 9.0)], [Ack(6, 5.5)]


def the_log_has_forgotten_what_a_reader_saw(history: History) -> None:
    history[1][ROOM].pop()


def a_delivery_is_repeated(history: History) -> None:
    seen = history[0].seen["carol"][ROOM]
    seen.insert(3, seen[2])


def a_delivery_is_missing(history: History) -> None:
    history[0].seen["carol"][ROOM].pop(2)


def the_last_delivery_is_missing(history: History) -> None:
    history[0].seen["carol"][ROOM].pop()


def a_reader_saw_nothing(history: History) -> None:
    history[0].seen["carol"].clear()


PLANTED: list[tuple[Callable[[History], None], dict[Fault, int]]] = [
    (a_row_is_deleted, {Fault.LOST: 1, Fault.HOLES: 1, Fault.UNSEEN: 1}),
    (the_last_row_is_deleted, {Fault.LOST: 1}),
    (a_text_is_altered, {Fault.LOST: 1, Fault.INVENTED: 1}),
    (a_row_is_there_that_nobody_sent, {Fault.INVENTED: 1}),
    (a_refused_send_is_stored, {Fault.REFUSED: 1}),
    (a_good_send_is_refused_and_stored, {Fault.REFUSED: 1}),
    (a_bad_send_is_acknowledged, {Fault.ACCEPTED: 1}),
    (another_body_took_the_place_of_the_first, {Fault.LOST: 1, Fault.REFUSED: 1}),
    (a_send_is_stored_twice, {Fault.TWICE: 1}),
    (a_retry_got_another_seq, {Fault.RENUMBERED: 1}),
    (two_seqs_are_swapped, {Fault.RENUMBERED: 3}),
    (a_seq_is_left_out, {Fault.HOLES: 1, Fault.UNSEEN: 1}),
    (two_places_have_the_same_seq, {Fault.HOLES: 1, Fault.CHANGED: 1, Fault.UNSEEN: 1}),
    (pipelined_sends_are_stored_in_another_order, {Fault.DISORDERED: 1}),
    (a_send_overtakes_one_that_was_acknowledged_before_it_began, {Fault.DISORDERED: 1}),
    (the_log_has_forgotten_what_a_reader_saw, {Fault.CHANGED: 1}),
    (a_delivery_is_repeated, {Fault.UNSEEN: 1}),
    (a_delivery_is_missing, {Fault.UNSEEN: 2}),
    (the_last_delivery_is_missing, {Fault.UNSEEN: 1}),
    (a_reader_saw_nothing, {Fault.UNSEEN: 6}),
]


def test_a_good_history_has_no_fault() -> None:
    verdict = judge(*good_history())

    assert verdict.is_clean, verdict.words


@pytest.mark.parametrize(("plant", "faults"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_fault_is_found(plant: Callable[[History], None], faults: dict[Fault, int]) -> None:
    history = good_history()
    plant(history)

    assert found(history) == faults
    assert not judge(*history).is_clean


def test_every_fault_is_planted_once_at_least() -> None:
    assert {fault for _, faults in PLANTED for fault in faults} == set(Fault)


@given(st.permutations(range(5)))
def test_no_other_order_of_the_log_passes(order: list[int]) -> None:
    history = good_history()
    before = deepcopy(history[1][ROOM])
    retold(history, lambda log: renumbered([log[0], *(log[1 + place] for place in order)]))

    assert (found(history) == {}) is (history[1][ROOM] == before)
