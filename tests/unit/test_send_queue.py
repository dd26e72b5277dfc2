"""The line of sends: bounded, in order, and nothing overtakes what was put off."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.write.queue import Result, Send, SendQueue, is_patient
from services.write.socket import PutOffs
from shared.errors import Overloaded
from shared.storage.append import NewEvent

ROOM, OTHER = uuid4(), uuid4()


class Ear:
    def settle(self, results: Sequence[tuple[NewEvent, Result]]) -> None:
        raise AssertionError("the queue tells nobody")


EAR, SECOND_EAR = Ear(), Ear()


def send(text: str = "x", room: UUID = ROOM, ear: Ear = EAR) -> Send:
    return Send(NewEvent(room, "alice", uuid4(), "message", text, None, b""), ear, 0.0)


def filled(*sends: Send, rows: int = 100, size: int = 1 << 20) -> SendQueue:
    queue = SendQueue(rows, size)
    for each in sends:
        queue.offer(each)
    return queue


def test_sends_leave_in_the_order_they_came() -> None:
    sends = [send() for _ in range(5)]
    queue = filled(*sends)

    assert queue.take(3, 1 << 20) == sends[:3]
    assert queue.take(3, 1 << 20) == sends[3:]


def test_a_batch_is_bounded_in_bytes_but_holds_at_least_one() -> None:
    large = [send("x" * 1000) for _ in range(3)]
    queue = filled(*large)

    assert queue.take(10, 1) == large[:1]
    assert queue.take(10, large[1].size * 2) == large[1:]


def test_a_full_line_refuses_at_once_by_rows_and_by_bytes() -> None:
    with pytest.raises(Overloaded):
        filled(*(send() for _ in range(4)), rows=3)
    with pytest.raises(Overloaded):
        filled(send("x" * 1000), send("x" * 1000), size=5000)


def test_what_is_taken_makes_room() -> None:
    queue = filled(send(), send(), rows=2)
    queue.take(1, 1 << 20)

    queue.offer(send())

    assert len(queue) == 2


def test_what_is_given_back_leads_the_next_batch() -> None:
    sends = [send() for _ in range(4)]
    queue = filled(*sends)
    batch = queue.take(2, 1 << 20)

    queue.give_back(batch)

    assert queue.take(4, 1 << 20) == sends


@given(st.lists(st.tuples(st.sampled_from(["offer", "take", "give_back", "drop"]), st.integers(0, 40)), max_size=40))
def test_whatever_is_done_its_bytes_are_those_of_the_sends_in_it(steps: list[tuple[str, int]]) -> None:
    queue, taken, inside = SendQueue(1000, 1 << 30), [], 0
    for step, number in steps:
        if step == "offer":
            queue.offer(sent := send("x" * number, ear=(EAR, SECOND_EAR)[number % 2]))
            inside += sent.size
        elif step == "take":
            taken = queue.take(1 + number // 8, 1000 + 50 * number)
            inside -= sum(each.size for each in taken)
        elif step == "give_back":
            queue.give_back(taken)
            inside += sum(each.size for each in taken)
            taken = []
        else:
            inside -= sum(each.size for each in queue.drop_followers([send(ear=(EAR, SECOND_EAR)[number % 2])]))
        assert queue.bytes == inside


def test_a_line_may_be_filled_to_its_very_bound() -> None:
    first, second = send("x" * 10), send("y" * 10)

    queue = filled(first, second, size=first.size + second.size)

    assert queue.bytes == first.size + second.size
    with pytest.raises(Overloaded):
        queue.offer(send(""))


def test_a_batch_counts_the_bytes_of_all_that_it_holds() -> None:
    sends = [send("x" * 100) for _ in range(4)]

    assert filled(*sends).take(10, sends[0].size * 2 + 1) == sends[:2]


def test_followers_are_those_of_the_same_sender_and_conversation() -> None:
    failed, follower = send(), send()
    elsewhere, anothers = send(room=OTHER), send(ear=SECOND_EAR)
    queue = filled(follower, elsewhere, anothers)

    assert queue.drop_followers([failed]) == [follower]
    assert queue.take(9, 1 << 20) == [elsewhere, anothers]


def test_a_batch_waits_for_busy_rows_at_the_third_try() -> None:
    tired = send()

    assert not is_patient([send(), tired])
    tired.tries = 2
    assert is_patient([send(), tired])


def test_what_follows_a_send_that_was_put_off_is_put_off_until_the_client_starts_over() -> None:
    lanes = PutOffs()
    lanes.put_off(ROOM)

    assert not lanes.admits(ROOM, again=False)
    assert lanes.admits(OTHER, again=False)
    assert lanes.admits(ROOM, again=True)
    assert lanes.admits(ROOM, again=False)
