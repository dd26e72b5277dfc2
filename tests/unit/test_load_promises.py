"""The checks of `make load`: histories with a breach planted turn them red, good ones do not."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.load.outbox import Outbox
from tests.load.promises import LOST_S, Book, Send, Sight, Strand

ROOM = "room"


def sent(book: Book, number: int, *, seq: int | None = None, due: float | None = None) -> Send:
    """Have ann send message *number*, acknowledged as *seq* at second 100 if one is given."""
    send = Send(f"id-{number}", ROOM, "ann", f"text {number}", float(number) if due is None else due)
    book.send(send)
    if seq is not None:
        book.ack(ROOM, send.id, seq, 100.0)
    return send


def event(number: int, seq: int, **changed: Any) -> dict[str, Any]:
    told = {"seq": seq, "type": "message", "id": f"id-{number}", "sender": "ann", "text": f"text {number}"}
    return told | changed


def frame(*events: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "events", "conversation": ROOM, "from": events[0]["seq"], "to": events[-1]["seq"], "events": list(events)}


def seated(book: Book, said: Mapping[str, Any] | None = None, first: int = 1) -> tuple[Sight, Strand]:
    sight = Sight("bob", book)
    sight.positions.update((said or {}).get("positions", {}))
    strand = sight.strand()
    ranges = [{"conversation": ROOM, "from": first, "to": first - 1, "complete": True}]
    strand.welcome({"epoch": "e", "ranges": ranges}, said or {})
    return sight, strand


def hear(book: Book, strand: Strand, told: Mapping[str, Any]) -> None:
    for one in strand.take(told):
        book.deliver(ROOM, one)


def test_a_good_history_has_no_breach() -> None:
    book = Book()
    for number in (1, 2, 3):
        sent(book, number, seq=number)
    sight, strand = seated(book)

    hear(book, strand, frame(event(1, 1)))
    hear(book, strand, frame(event(2, 2), event(3, 3)))
    sight.check(100.0 + 2 * LOST_S)

    assert not book.breaches
    assert not sight.lacks()


def skips(book: Book, strand: Strand) -> None:
    hear(book, strand, frame(event(2, 2)))


def repeats(book: Book, strand: Strand) -> None:
    hear(book, strand, frame(event(1, 1)))
    hear(book, strand, frame(event(1, 1)))


def goes_back(book: Book, strand: Strand) -> None:
    hear(book, strand, frame(event(1, 1), event(2, 2)))
    hear(book, strand, frame(event(2, 2), event(3, 3)))


def swaps(book: Book, strand: Strand) -> None:
    hear(book, strand, frame(event(2, 1), event(1, 2)))


def changes_a_text(book: Book, strand: Strand) -> None:
    hear(book, strand, frame(event(1, 1, text="another")))


def changes_a_sender(book: Book, strand: Strand) -> None:
    hear(book, strand, frame(event(1, 1, sender="eve")))


def leaves_one_out_of_a_frame(book: Book, strand: Strand) -> None:
    strand.take(frame(event(1, 1), event(3, 3)))


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (skips, "lost"),
        (leaves_one_out_of_a_frame, "lost"),
        (repeats, "duplicated"),
        (goes_back, "out of order"),
        (swaps, "duplicated"),
        (changes_a_text, "altered"),
        (changes_a_sender, "altered"),
    ],
)
def test_a_planted_breach_is_found(plant: Callable[[Book, Strand], None], kind: str) -> None:
    book = Book()
    for number in (1, 2, 3):
        sent(book, number, seq=number)

    plant(book, seated(book)[1])

    assert book.breaches[kind]


def test_what_was_acknowledged_long_ago_and_is_not_there_is_lost() -> None:
    book = Book()
    sent(book, 1, seq=1)
    sight, _ = seated(book)

    sight.check(100.0 + LOST_S / 2)
    before = book.breaches.total()
    sight.check(100.0 + 2 * LOST_S)

    assert before == 0
    assert book.breaches["lost"] == 1
    assert sight.lacks() == [ROOM]


def test_a_senders_messages_under_swapped_seqs_are_out_of_order() -> None:
    book = Book()
    sent(book, 1, seq=2)
    sent(book, 2, seq=1)

    assert book.breaches["out of order"] == 1


def test_acknowledgements_may_come_in_any_order() -> None:
    book = Book()
    first, second = sent(book, 1), sent(book, 2)

    book.ack(ROOM, second.id, 2, 1.0)
    book.ack(ROOM, first.id, 1, 1.0)

    assert not book.breaches


def test_a_send_under_two_seqs_is_duplicated_and_a_second_acknowledgement_is_not_a_second_send() -> None:
    book = Book()
    send = sent(book, 1, seq=1)

    again = book.ack(ROOM, send.id, 1, 101.0)
    clean = not book.breaches
    book.ack(ROOM, send.id, 2, 102.0)

    assert again is None
    assert clean
    assert book.breaches["duplicated"]


def test_an_acknowledgement_of_what_nobody_sent_is_a_breach() -> None:
    book = Book()

    book.ack(ROOM, "unknown", 1, 0.0)

    assert book.breaches["altered"] == 1


def test_two_people_who_are_told_different_things_of_a_seq_are_a_breach() -> None:
    book = Book()

    book.deliver(ROOM, event(1, 1))
    book.deliver(ROOM, event(2, 1))

    assert book.breaches["duplicated"] == 1


def test_a_second_socket_goes_on_where_its_hello_said_and_what_comes_twice_is_dropped() -> None:
    book = Book()
    for number in (1, 2):
        sent(book, number, seq=number)
    sight, old = seated(book)
    hear(book, old, frame(event(1, 1)))
    new = sight.strand()
    new.welcome({"epoch": "e", "ranges": [{"conversation": ROOM, "from": 2, "to": 2}]}, sight.cursor())

    hear(book, old, frame(event(2, 2)))
    fresh = new.take(frame(event(2, 2)))

    assert not fresh
    assert sight.repeats == 1
    assert not book.breaches


def test_a_welcome_that_goes_on_too_late_has_lost_something() -> None:
    book = Book()

    seated(book, {"inbox": 1, "positions": {ROOM: 3}}, first=5)

    assert book.breaches["lost"] == 1


def test_what_is_put_off_waits_and_goes_on_in_order() -> None:
    outbox = Outbox()
    first, second = (Send(str(n), ROOM, "ann", "hi", n) for n in (1, 2))
    outbox.add(first)

    is_new, is_new_again = outbox.put_off(ROOM), outbox.put_off(ROOM)
    kept = outbox.add(second)
    frames = outbox.resume(ROOM)

    assert (is_new, is_new_again, kept) == (True, False, [])
    assert [(said["id"], said.get("again", False)) for said in frames] == [("1", True), ("2", False)]


def test_a_new_socket_is_told_all_that_is_unanswered() -> None:
    outbox = Outbox()
    for n in (1, 2, 3):
        outbox.add(Send(str(n), ROOM, "ann", "hi", n))
    outbox.settle("2")
    outbox.put_off(ROOM)

    assert [said["id"] for said in outbox.everything()] == ["1", "3"]
    assert outbox.add(Send("4", ROOM, "ann", "hi", 4))
