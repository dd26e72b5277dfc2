"""What a swarm believes: planted faults are found; delays add up; a seat is a seat."""

import json

import pytest

from deploy.swarm.book import Book, Copy, Told
from deploy.swarm.delays import Delays, quantile_ms
from deploy.swarm.frames import Ack, Frame, Range
from deploy.swarm.herd import add_up
from deploy.swarm.orders import Report
from deploy.swarm.seating import Seating
from deploy.swarm.stamp import digest, due_of, make_id
from deploy.swarm.talk import Ledger

ROOM = "room"


def payload(*events: tuple[int, int], first: int | None = None) -> bytes:
    """Return a frame with *events*, each (seq, number of the send)."""
    told = [{"seq": seq, "id": make_id(10 * number, number), "type": "message"} for seq, number in events]
    seqs = [seq for seq, _ in events]
    return json.dumps(
        {"type": "events", "conversation": ROOM, "from": first or seqs[0], "to": seqs[-1], "events": told}
    ).encode()


def welcome(first: int, epoch: str = "e") -> Frame:
    return Frame("welcome", epoch=epoch, ranges=[Range(ROOM, first, first - 1)])


def take(book: Book, copy: Copy, frame: bytes) -> None:
    told = book.open(frame)
    assert isinstance(told, Told)
    copy.take(told, book)


def report(**given: object) -> Report:
    counts = dict.fromkeys(("live", "cuts", "returns", "failures", "delivered", "cpu_s", "fault_count"), 0)
    return Report(**(counts | {"faults": [], "delays": {}, "absences": {}} | given))  # type: ignore[arg-type]  # of any field


def test_an_id_carries_when_its_send_was_due() -> None:
    assert due_of(make_id(123_456_789_012, 7)) == 123_456_789_012
    assert make_id(1, 1) != make_id(1, 2)


def test_a_log_with_two_ids_swapped_has_another_digest() -> None:
    one, two = make_id(1, 1), make_id(2, 2)

    assert digest(one, 1) ^ digest(two, 2) != digest(one, 2) ^ digest(two, 1)


def test_quantiles_are_within_two_in_a_hundred() -> None:
    delays = Delays()
    for ms in range(1, 101):
        delays.add(ms * 1_000_000)

    assert quantile_ms(delays.steps, 0.5) == pytest.approx(50, rel=0.03)
    assert quantile_ms(delays.steps, 0.99) == pytest.approx(99, rel=0.03)
    assert quantile_ms({}, 0.5) == 0


def test_each_guest_is_in_as_many_rooms_as_said_and_each_room_has_its_share() -> None:
    seating = Seating("run", guests=90, rooms=30, each=3)

    rooms = {room: list(seating.members(room)) for room in range(30)}

    assert {len(members) for members in rooms.values()} == {9}
    assert all(sum(seating.guest(n) in members for members in rooms.values()) == 3 for n in range(90))


def test_a_guest_who_gets_everything_in_order_has_no_fault() -> None:
    book, copy = Book(), Copy()
    copy.welcome(welcome(first=5), book)

    take(book, copy, payload((5, 1)))
    take(book, copy, payload((6, 2), (7, 3)))

    assert not book.faults
    assert copy.positions == {ROOM: 7}


@pytest.mark.parametrize(
    "frames",
    [
        [payload((2, 1))],
        [payload((1, 1)), payload((1, 1))],
        [payload((1, 1), (3, 2))],
        [payload((1, 1)), payload((2, 2), first=1)],
    ],
    ids=["a hole", "a repeat", "a frame with a hole", "a frame that begins too early"],
)
def test_a_planted_fault_is_found(frames: list[bytes]) -> None:
    book, copy = Book(), Copy()
    copy.welcome(welcome(first=1), book)

    for frame in frames:
        take(book, copy, frame)

    assert book.fault_count
    assert book.faults


def test_two_guests_who_are_told_different_ids_of_a_seq_are_a_fault() -> None:
    book = Book()

    book.open(payload((1, 1)))
    book.open(payload((1, 2)))

    assert book.fault_count == 1


def test_who_comes_back_must_go_on_where_they_were() -> None:
    book, copy = Book(), Copy()
    copy.welcome(welcome(first=1), book)
    take(book, copy, payload((1, 1)))

    copy.welcome(welcome(first=2), book)
    good = book.fault_count
    copy.welcome(welcome(first=4), book)

    assert good == 0
    assert book.fault_count == 1


def test_what_the_guests_were_told_is_compared_with_what_was_acknowledged() -> None:
    ledger, book = Ledger(), Book()
    for number in (1, 2):
        id = make_id(10 * number, number)
        ledger.open[id] = ROOM
        ledger.ack(Ack(ROOM, id, number), now_ns=1_000)
    book.open(payload((1, 1), (2, 2)))

    whole = {ROOM: (2, book.logs[ROOM])}

    assert not ledger.faults
    assert ledger.differences(whole, {}) == []
    assert ledger.differences({ROOM: (1, book.logs[ROOM])}, {}) == ["somebody has room up to 1 of 2"]
    assert ledger.differences({ROOM: (2, book.logs[ROOM] ^ 1)}, {}) == ["what was told of room is not what was acknowledged"]


def test_where_a_send_is_doubtful_the_guests_must_have_what_is_stored() -> None:
    ledger, book = Ledger(), Book()
    for number in (1, 2):
        ledger.open[make_id(10 * number, number)] = ROOM
    ledger.ack(Ack(ROOM, make_id(10, 1), 1), now_ns=1_000)
    ledger.refuse(Frame(type="error", id=make_id(20, 2), conversation=ROOM, code="unavailable"))
    book.open(payload((1, 1), (2, 2)))
    told = {ROOM: (2, book.logs[ROOM])}

    assert ledger.doubtful == [ROOM]
    assert ledger.differences(told, {ROOM: book.logs[ROOM]}) == []
    assert ledger.differences(told, {ROOM: book.logs[ROOM] ^ 1}) == ["what was told of room is not what is stored"]
    assert ledger.differences(told, {}) == ["what was told of room is not what is stored"]


def test_an_acknowledgement_against_the_order_of_sending_is_a_fault() -> None:
    ledger = Ledger()
    for number in (1, 2):
        ledger.open[make_id(10 * number, number)] = ROOM

    ledger.ack(Ack(ROOM, make_id(10, 1), 2), now_ns=1_000)
    ledger.ack(Ack(ROOM, make_id(20, 2), 1), now_ns=1_000)

    assert len(ledger.faults) == 1


def test_reports_add_up_and_processes_that_differ_are_a_fault() -> None:
    one = report(live=2, delivered=3, delays={1: 1}, logs={ROOM: (4, 7)})
    same = report(live=1, delivered=1, delays={1: 2, 5: 1}, logs={ROOM: (3, 7)})
    other = report(logs={ROOM: (4, 8)})

    both = add_up([one, same])

    assert (both.live, both.delivered, both.delays, both.logs) == (3, 4, {1: 3, 5: 1}, {ROOM: (3, 7)})
    assert not both.faults
    assert add_up([one, other]).faults
