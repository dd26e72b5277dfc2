"""What is stored, beside what was acknowledged: each fault is planted once, and must be found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.bench.ledger import Ledger
from tests.bench.stored import Row, find_faults

TEA, HALL = "tea", "hall"


@dataclass
class Story:
    """Three sends of one sender to one conversation and one to another, acknowledged and stored as they must be."""

    ledger: Ledger = field(default_factory=Ledger)
    rows: list[Row] = field(default_factory=list)
    heads: Mapping[str, int] | None = field(default_factory=lambda: {TEA: 7, HALL: 1})

    def __post_init__(self) -> None:
        for conversation, id, seq in ((TEA, "a", 5), (TEA, "b", 6), (TEA, "c", 7), (HALL, "d", 1)):
            self.ledger.send(id, conversation, 0, 0.0, lambda: None)
            self.ledger.ack(conversation, id, seq)
            self.rows.append(Row(conversation, seq, "alice", id))

    def faults(self) -> list[str]:
        return list(find_faults(self.ledger.sends, self.rows, self.heads))


def test_what_is_stored_as_it_was_acknowledged_has_no_fault() -> None:
    assert Story().faults() == []


def test_two_senders_may_overtake_each_other() -> None:
    story = Story()
    story.ledger = Ledger()
    for id, seq in (("a", 6), ("b", 5)):
        story.ledger.send(id, TEA, 0, 0.0, lambda: None)
        story.ledger.ack(TEA, id, seq)
    story.rows, story.heads = [Row(TEA, 5, "bob", "b"), Row(TEA, 6, "alice", "a")], {TEA: 6}

    assert story.faults() == []


def test_a_hole_is_no_fault_where_the_system_does_not_count_by_conversation() -> None:
    story = Story(heads=None)
    story.ledger.send("e", HALL, 0, 0.0, lambda: None)
    story.ledger.ack(HALL, "e", 9)
    story.rows.append(Row(HALL, 9, "alice", "e"))

    assert story.faults() == []


def test_what_is_doubtful_may_be_stored_or_not() -> None:
    story = Story(heads={TEA: 7, HALL: 2})
    story.rows.append(Row(HALL, 2, "alice", "x"))

    assert list(find_faults(story.ledger.sends, story.rows, story.heads, {"x", "y"})) == []


def lose_one(story: Story) -> None:
    del story.rows[0]


def lose_the_last(story: Story) -> None:
    del story.rows[2]


def store_one_twice(story: Story) -> None:
    story.rows.append(Row(HALL, 2, "alice", "d"))
    story.heads = {TEA: 7, HALL: 2}


def store_what_was_not_sent(story: Story) -> None:
    story.rows.append(Row(HALL, 2, "alice", "x"))
    story.heads = {TEA: 7, HALL: 2}


def store_under_another_seq(story: Story) -> None:
    story.rows[3] = Row(HALL, 2, "alice", "d")
    story.heads = {TEA: 7, HALL: 2}


def store_in_another_conversation(story: Story) -> None:
    story.rows[3] = Row("attic", 1, "alice", "d")
    story.heads = {TEA: 7, "attic": 1}


def raise_a_head_too_far(story: Story) -> None:
    story.heads = {TEA: 8, HALL: 1}


@pytest.mark.parametrize(
    "plant",
    [
        lose_one,
        lose_the_last,
        store_one_twice,
        store_what_was_not_sent,
        store_under_another_seq,
        store_in_another_conversation,
        raise_a_head_too_far,
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_fault_is_found(plant: Callable[[Story], None]) -> None:
    story = Story()

    plant(story)

    assert story.faults()


def test_a_hole_is_found_though_all_that_was_acknowledged_is_stored() -> None:
    story = Story()
    story.ledger = Ledger()
    for id, seq in (("a", 5), ("c", 7)):
        story.ledger.send(id, TEA, 0, 0.0, lambda: None)
        story.ledger.ack(TEA, id, seq)
    story.rows, story.heads = [Row(TEA, 5, "alice", "a"), Row(TEA, 7, "alice", "c")], {TEA: 7}

    (fault,) = story.faults()

    assert "hole" in fault


def test_an_overtaking_is_found_though_all_that_was_acknowledged_is_stored() -> None:
    story = Story()
    story.ledger = Ledger()
    for id, seq in (("a", 6), ("b", 5)):
        story.ledger.send(id, TEA, 0, 0.0, lambda: None)
        story.ledger.ack(TEA, id, seq)
    story.rows, story.heads = [Row(TEA, 5, "alice", "b"), Row(TEA, 6, "alice", "a")], {TEA: 6}

    (fault,) = story.faults()

    assert "a was sent before" in fault
