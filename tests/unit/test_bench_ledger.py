"""The ledger: each fault is planted once, and must be found."""

from collections.abc import Callable

import pytest

from tests.bench.failure import Failed
from tests.bench.ledger import AnyOrder, Copy, InOrder, Ledger

ROOM, HALL = "room", "hall"


class Run:
    """Two sends to two receivers, told as each test wants."""

    def __init__(self, make_copy: Callable[[], Copy]) -> None:
        self.ledger = Ledger()
        self.copies = [make_copy(), make_copy()]
        self.done: list[str] = []
        for id in ("a", "b"):
            self.ledger.send(id, ROOM, 2, 0.0, lambda id=id: self.done.append(id))  # type: ignore[misc]

    def tell(self, receiver: int, *events: tuple[int, str], conversation: str = ROOM) -> None:
        self.ledger.deliver(self.copies[receiver], self.ledger.tell(conversation, events), 0.5)

    def tell_all(self) -> None:
        for receiver in (0, 1):
            self.tell(receiver, (2, "a"), (3, "b"))

    def ack_all(self) -> None:
        self.ledger.ack(ROOM, "a", 2)
        self.ledger.ack(ROOM, "b", 3)


@pytest.fixture
def run() -> Run:
    return Run(lambda: InOrder({ROOM: 1}))


@pytest.fixture
def loose() -> Run:
    return Run(AnyOrder)


def test_a_whole_history_passes_and_is_counted(run: Run) -> None:
    run.ack_all()
    run.tell_all()

    run.ledger.check()
    assert run.ledger.is_settled()
    assert (run.ledger.acked, run.ledger.delivered, run.done) == (2, 4, ["a", "b"])
    assert list(run.ledger.delays) == [0.5] * 4


def test_deliveries_may_come_before_their_acknowledgement(run: Run) -> None:
    run.tell_all()
    assert not run.ledger.is_settled()
    run.ack_all()

    run.ledger.check()


def test_a_send_is_done_only_when_every_receiver_has_it(run: Run) -> None:
    run.ack_all()
    run.tell(0, (2, "a"), (3, "b"))
    assert run.done == []
    run.tell(1, (2, "a"))

    assert run.done == ["a"]


def test_any_order_will_do_where_none_is_promised(loose: Run) -> None:
    loose.ack_all()
    for receiver in (0, 1):
        loose.tell(receiver, (3, "b"))
        loose.tell(receiver, (2, "a"))

    loose.ledger.check()


def test_what_is_sent_twice_is_done_with_its_second_acknowledgement() -> None:
    ledger, done = Ledger(times=2), []
    ledger.send("a", ROOM, 0, 0.0, lambda: done.append("a"))
    ledger.ack(ROOM, "a", 1)
    assert (ledger.acked, done) == (1, [])
    ledger.ack(ROOM, "a", 1)

    ledger.check()
    assert (ledger.acked, done) == (1, ["a"])
    ledger.ack(ROOM, "a", 1)
    with pytest.raises(Failed):
        ledger.check()


def test_another_seq_at_the_second_acknowledgement_is_a_fault() -> None:
    ledger = Ledger(times=2)
    ledger.send("a", ROOM, 0, 0.0, lambda: None)
    ledger.ack(ROOM, "a", 1)
    ledger.ack(ROOM, "a", 2)

    with pytest.raises(Failed):
        ledger.check()


def test_what_was_refused_counts_as_never_sent() -> None:
    ledger = Ledger()
    for id in ("a", "b"):
        ledger.send(id, ROOM, 0, 0.0, lambda: None)
    ledger.refuse("a")
    ledger.ack(ROOM, "b", 1)

    ledger.check()
    assert [send.id for send in ledger.sends] == ["b"]
    assert (ledger.acked, ledger.refused, ledger.is_settled()) == (1, 1, True)


def test_a_refusal_that_is_not_final_leaves_a_doubt() -> None:
    ledger = Ledger()
    for id in ("a", "b"):
        ledger.send(id, ROOM, 0, 0.0, lambda: None)
    ledger.refuse("a")
    ledger.refuse("b", is_final=False)

    ledger.check()
    assert (ledger.refused, ledger.doubtful) == (2, {"b"})


def refuse_what_was_acknowledged(run: Run) -> None:
    run.ack_all()
    run.tell_all()
    run.ledger.refuse("a")


def refuse_what_nobody_sent(run: Run) -> None:
    run.ack_all()
    run.tell_all()
    run.ledger.refuse("x")


def lose_a_delivery(run: Run) -> None:
    run.ack_all()
    run.tell(0, (2, "a"), (3, "b"))
    run.tell(1, (2, "a"))


def lose_an_acknowledgement(run: Run) -> None:
    run.tell_all()
    run.ledger.ack(ROOM, "a", 2)


def repeat_a_delivery(run: Run) -> None:
    run.ack_all()
    run.tell_all()
    run.tell(0, (3, "b"))


def repeat_an_acknowledgement(run: Run) -> None:
    run.ack_all()
    run.tell_all()
    run.ledger.ack(ROOM, "a", 2)


def swap_two(run: Run) -> None:
    run.ack_all()
    run.tell(0, (3, "b"))
    run.tell(0, (2, "a"))
    run.tell(1, (2, "a"), (3, "b"))


def leave_a_hole(run: Run) -> None:
    run.ack_all()
    run.tell(0, (3, "b"))


def name_more_than_comes(run: Run) -> None:
    run.tell(0, (2, "a"), (4, "b"))


def give_another_number(run: Run) -> None:
    run.ack_all()
    run.tell(0, (2, "b"))


def give_a_number_twice(run: Run) -> None:
    run.ledger.ack(ROOM, "a", 2)
    run.ledger.ack(ROOM, "b", 2)


def deliver_what_nobody_sent(run: Run) -> None:
    run.tell(0, (2, "x"))


def deliver_into_another_conversation(run: Run) -> None:
    run.tell(0, (1, "a"), conversation=HALL)


def acknowledge_what_nobody_sent(run: Run) -> None:
    run.ledger.ack(ROOM, "x", 2)


FAULTS = [
    lose_a_delivery,
    lose_an_acknowledgement,
    repeat_a_delivery,
    repeat_an_acknowledgement,
    swap_two,
    leave_a_hole,
    name_more_than_comes,
    give_another_number,
    give_a_number_twice,
    deliver_what_nobody_sent,
    deliver_into_another_conversation,
    acknowledge_what_nobody_sent,
    refuse_what_was_acknowledged,
    refuse_what_nobody_sent,
]


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(run: Run, plant: Callable[[Run], None]) -> None:
    plant(run)

    with pytest.raises(Failed):
        run.ledger.check()


@pytest.mark.parametrize("planted", [[], [(0, 2, "a"), (0, 2, "a")], [(0, 2, "a"), (1, 3, "b")]], ids=["lost", "twice", "late"])
def test_a_loss_or_a_repeat_is_found_also_where_no_order_is_promised(loose: Run, planted: list[tuple[int, int, str]]) -> None:
    loose.ack_all()
    for receiver, seq, id in [(0, 3, "b"), (1, 3, "b"), (1, 2, "a"), *planted]:
        loose.tell(receiver, (seq, id))

    with pytest.raises(Failed):
        loose.ledger.check()
