"""Which conversation a name means, and from where each is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringpost_client import Positions

from deploy.chat.errors import ChatError
from deploy.chat.listing import Listing, as_id, make_listing
from deploy.chat.starts import FIRST_EVENTS, Starts, Wish, plan_starts

EPOCH, OTHER_EPOCH = "e-1", "e-2"
TEA, SUGAR = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60", "6f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"
TEA_TWICE = "7f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


def row(id: str, title: str | None, head: int = 50, joined: int = 1, *, other: str | None = None) -> dict[str, object]:
    return {"conversation": id, "title": title, "head": head, "joined": joined, "with": other}


def listing(*rows: dict[str, object]) -> Listing:
    return make_listing([{"epoch": EPOCH, "inbox": 4, "conversations": rows, "next": None}])


def starts(
    shown: Positions, *, tea: int = 50, sugar: int = 50, joined: int = 1, only: str = "", wish: Wish | None = None
) -> Starts:
    there = listing(row(TEA, "Tea", tea), row(SUGAR, "Sugar", sugar, joined))
    return plan_starts(there, shown, {only} if only else set(there.of), wish or Wish())


def shown(tea: int, sugar: int | None = None, epoch: str = EPOCH) -> Positions:
    return Positions(epoch, of={TEA: tea} | ({} if sugar is None else {SUGAR: sugar}))


# Names.


def test_an_id_a_title_and_a_title_in_another_case_are_found() -> None:
    there = listing(row(TEA, "Tea"), row(SUGAR, "Sugar"))

    assert [there.require(name, "alice").id for name in (TEA, TEA.upper(), "Tea", "sugar")] == [TEA, TEA, TEA, SUGAR]


def test_the_very_title_comes_before_one_in_another_case() -> None:
    there = listing(row(TEA, "tea"), row(SUGAR, "Tea"))

    assert there.require("Tea", "alice").id == SUGAR
    with pytest.raises(ChatError, match="2 conversations"):
        there.require("TEA", "alice")


def test_a_direct_conversation_is_called_by_who_else_is_in_it() -> None:
    assert listing(row(TEA, None, other="bob")).require("bob", "alice").id == TEA


def test_a_title_of_several_is_refused_with_their_ids_and_shown_with_them() -> None:
    there = listing(row(TEA, "Tea"), row(TEA_TWICE, "Tea"))

    with pytest.raises(ChatError, match=f"{TEA}, {TEA_TWICE}"):
        there.require("Tea", "alice")
    assert (there.label(TEA), there.label(TEA_TWICE)) == ("Tea 5f0c2a1e", "Tea 7f0c2a1e")
    assert there.renamed(TEA_TWICE, "Milk").label(TEA) == "Tea"


def test_one_without_a_title_is_called_by_the_beginning_of_its_id() -> None:
    assert listing(row(TEA, None)).label(TEA) == listing().label(TEA) == "5f0c2a1e"


def test_a_name_of_none_is_refused_with_the_titles_that_there_are() -> None:
    many = listing(*(row(TEA[:-1] + str(n), f"t{n}") for n in range(7)))

    for name in ("Tee", SUGAR):
        with pytest.raises(ChatError, match=f"alice is in no conversation {name}; there is t0, t1, t2, t3, t4 and 2 more"):
            many.require(name, "alice")


def test_an_id_is_one_in_the_usual_spelling_alone() -> None:
    assert as_id(TEA.upper()) == TEA
    assert [as_id(name) for name in ("Tea", TEA.replace("-", ""), f"{{{TEA}}}", f"urn:uuid:{TEA}", "")] == [None] * 5


# Where to begin.


def test_the_first_time_each_begins_with_its_last_events() -> None:
    plan = starts(Positions(), sugar=3)

    assert plan.asked.of == plan.kept == {TEA: 50 - FIRST_EVENTS, SUGAR: 0}
    assert (plan.asked.epoch, plan.asked.inbox, plan.told) == (EPOCH, 4, ())


def test_each_goes_on_where_it_was_left_and_a_new_one_from_the_joining_on() -> None:
    assert starts(shown(30, 50)).asked.of == {TEA: 30, SUGAR: 50}
    assert starts(shown(30), joined=20).asked.of == {TEA: 30, SUGAR: 19}


def test_one_that_is_not_followed_sends_nothing_and_keeps_its_place() -> None:
    plan = starts(shown(30, 20), only=TEA)

    assert plan.asked.of == {TEA: 30, SUGAR: 50}
    assert plan.kept == {TEA: 30}


def test_one_that_is_not_followed_the_first_time_has_its_place_from_then_on() -> None:
    assert starts(Positions(), only=TEA).kept[SUGAR] == 50 - FIRST_EVENTS


@pytest.mark.parametrize(
    ("wish", "begins"),
    [
        (Wish(after=0), 0),
        (Wish(after=7), 7),
        (Wish(after=50), 50),
        (Wish(limit=3), 47),
        (Wish(limit=0), 50),
        (Wish(limit=80), 0),
        (Wish(after=0, limit=3), 47),
        (Wish(after=48, limit=3), 48),
    ],
)
def test_a_wish_comes_before_what_was_shown(wish: Wish, begins: int) -> None:
    for before in (Positions(), shown(30), shown(50)):
        assert starts(before, only=TEA, wish=wish).asked.of[TEA] == begins


def test_what_a_wish_passes_over_is_said_and_what_was_shown_is_not() -> None:
    assert starts(shown(30), only=TEA, wish=Wish(limit=3)).told == ("Tea: events 31 to 47 are passed over.",)
    assert starts(shown(48), only=TEA, wish=Wish(limit=3)).told == ()


def test_a_wish_beyond_the_head_is_refused() -> None:
    with pytest.raises(ChatError, match="Tea ends at 50"):
        starts(shown(30), only=TEA, wish=Wish(after=51))


def test_after_a_restored_backup_the_last_events_come_again_and_it_is_said() -> None:
    for before in (shown(51, 20), shown(30, 20, OTHER_EPOCH)):
        plan = starts(before, only=TEA)

        assert plan.asked.of[TEA] == plan.kept[TEA] == 50 - FIRST_EVENTS
        assert plan.lost == {TEA}
        assert len(plan.told) == 1


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.booleans())
def test_without_a_wish_nothing_is_passed_over_or_repeated(head: int, tea: int, sugar: int, one_only: bool) -> None:
    plan = starts(shown(tea, sugar), tea=head, sugar=head, only=TEA if one_only else "")

    assert plan.asked.of[TEA] == (tea if tea <= head else max(0, head - FIRST_EVENTS))
    assert plan.kept[TEA] == plan.asked.of[TEA]
    assert all(position <= head for position in plan.asked.of.values())
