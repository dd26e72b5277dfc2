"""The fuzzer's checker turns red for each fault that is planted, and only for what an SDK has promised."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.fuzz.checker import Account, Case, check
from deploy.fuzz.reports import Acked, Began, Broken, Closed, Drained, Kept, Reader, Refused, Report, Said, Seen
from deploy.fuzz.schedule import Keeper
from deploy.replay.checker import Entry

ROOM = "tea"
MADE = Entry(1, "made", "ann", "", is_message=False)
Change = Callable[[Case], Case]


def text(number: int) -> str:
    return f"{number} of ann"


def stored(*numbers: int) -> list[Entry]:
    return [MADE, *(Entry(seq, f"id-{number}", "ann", text(number)) for seq, number in enumerate(numbers, 2))]


def seen(*seqs: int) -> list[Report]:
    """What an app saw of a log that holds 1, 2, 3 … of ann."""
    shown = {1: Seen(ROOM, 1, "made", "ann")} | {
        seq: Seen(ROOM, seq, f"id-{seq - 1}", "ann", text(seq - 1), is_message=True) for seq in range(2, 20)
    }
    return [shown[seq] for seq in seqs]


def sends(*numbers: int) -> list[Report]:
    said: list[Report] = [Said(ROOM, text(number)) for number in numbers]
    return [*said, *(Kept(text(number)) for number in numbers)]


def acks(*numbers: int) -> list[Report]:
    return [Acked(text(number), number + 1) for number in numbers]


def sound() -> Case:
    """Ann sends five from a device that is killed after three, Ben follows."""
    killed = [Began(()), *sends(1, 2, 3), *acks(1, 2), *seen(1, 2, 3)]
    last = [Began((text(3),)), *sends(4, 5), *acks(3, 4, 5), *seen(3, 4, 5, 6), Drained(), Closed(0)]
    ben = [Began(()), *seen(1, 2, 3, 4, 5, 6), Drained(), Closed(0)]
    accounts = {"ann's": Account("ann", Keeper.SDK, [killed, last]), "ben's": Account("ben", Keeper.APP, [ben])}
    return Case(accounts, {ROOM: stored(1, 2, 3, 4, 5)})


def with_stored(entries: list[Entry]) -> Change:
    return lambda case: replace(case, stored={ROOM: entries})


def with_lives(name: str, *lives: list[Report]) -> Change:
    return lambda case: replace(case, accounts={**case.accounts, name: replace(case.accounts[name], lives=lives)})


def bens(*lives: list[Report]) -> Change:
    return with_lives("ben's", *lives)


def anns_last(change: Callable[[list[Report]], list[Report]]) -> Change:
    return lambda case: with_lives(
        "ann's", list(case.accounts["ann's"].lives[0]), change(list(case.accounts["ann's"].lives[1]))
    )(case)


def counts(case: Case) -> dict[str, int]:
    verdict = check(case)
    assert verdict.is_clean == (not verdict.counts)
    assert bool(verdict.faults) == bool(verdict.counts)
    return dict(verdict.counts)


FAULTS: dict[str, tuple[Change, set[str]]] = {
    "the last send is not stored": (with_stored(stored(1, 2, 3, 4)), {"lost", "altered"}),
    "a send from the outbox of a killed process is not stored": (with_stored(stored(1, 2, 4, 5)), {"lost", "altered"}),
    "a send is stored twice": (with_stored(stored(1, 2, 3, 4, 5, 3)), {"doubled", "altered", "swapped", "hole"}),
    "two sends are stored in the other order": (with_stored(stored(1, 2, 4, 3, 5)), {"swapped", "altered"}),
    "a number is missing in what is stored": (
        with_stored([*stored(1, 2, 3, 4, 5)[:3], *stored(1, 2, 3, 4, 5)[4:]]),
        {"hole", "lost", "altered"},
    ),
    "something is stored that nobody said": (
        with_stored([*stored(1, 2, 3, 4, 5), Entry(7, "x", "ann", "psst")]),
        {"altered", "hole"},
    ),
    "a text is ascribed to another": (
        with_stored([*stored(1, 2, 3, 4), Entry(6, "id-5", "ben", text(5))]),
        {"altered"},
    ),
    "an app is shown an event twice": (bens([*seen(1, 2, 3, 3, 4, 5, 6), Closed(0)]), {"repeat"}),
    "an app is not shown one in the middle": (bens([*seen(1, 2, 4, 5, 6), Closed(0)]), {"hole"}),
    "an app is not shown the first": (bens([*seen(2, 3, 4, 5, 6), Closed(0)]), {"hole"}),
    "an app is not shown the last": (bens([*seen(1, 2, 3, 4, 5), Closed(0)]), {"hole"}),
    "an app is shown nothing": (bens([Closed(0)]), {"hole"}),
    "an app is shown two in the other order": (bens([*seen(1, 2, 4, 3, 5, 6), Closed(0)]), {"swapped"}),
    "an app is shown another text": (
        bens([*seen(1, 2, 3, 4, 5), Seen(ROOM, 6, "id-5", "ann", "5 of bob", is_message=True), Closed(0)]),
        {"altered"},
    ),
    "an app is shown what is not stored": (bens([*seen(1, 2, 3, 4, 5, 6, 7), Closed(0)]), {"altered"}),
    "a life skips what came while the process was dead": (bens(seen(1, 2, 3), [*seen(5, 6), Closed(0)]), {"hole"}),
    "an app that keeps its positions is shown some again": (bens(seen(1, 2, 3), [*seen(3, 4, 5, 6), Closed(0)]), {"repeat"}),
    "a send is refused": (anns_last(lambda life: [*life[:-1], Refused(text(5), "invalid"), Closed(0)]), {"broken"}),
    "a send is acknowledged as another number": (
        anns_last(lambda life: [*life[:-1], Acked(text(5), 9), Closed(0)]),
        {"altered"},
    ),
    "something is left in an outbox": (anns_last(lambda life: [*life[:-1], Closed(1)]), {"broken"}),
    "a client breaks": (anns_last(lambda life: [*life, Broken("it ended by itself")]), {"broken"}),
    "an outbox does not get empty": (lambda case: replace(case, stuck=["device 0"]), {"stuck"}),
}


def test_a_sound_history_is_clean_and_what_came_again_after_a_kill_is_counted() -> None:
    verdict = check(sound())

    assert verdict.is_clean
    assert verdict.seen_again == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    change, kinds = FAULTS[fault]

    assert set(counts(change(sound()))) == kinds


def test_after_a_close_nothing_comes_again_not_even_after_a_kill_that_follows() -> None:
    closed, killed = [*seen(1, 2, 3), Closed(0)], seen(4)
    case = with_lives("ben's", closed, killed, [*seen(3, 4, 5, 6), Closed(0)])(sound())
    ours = replace(case.accounts["ben's"], keeper=Keeper.SDK)

    assert counts(replace(case, accounts={**case.accounts, "ben's": ours})) == {"repeat": 1}


def test_what_a_killed_one_had_shown_may_come_again_though_one_was_closed_that_had_shown_nothing() -> None:
    never_connected: list[Report] = [Began(()), Closed(0)]
    case = with_lives("ben's", seen(1, 2), never_connected, [*seen(1, 2, 3, 4, 5, 6), Closed(0)])(sound())
    ours = replace(case.accounts["ben's"], keeper=Keeper.SDK)

    assert counts(replace(case, accounts={**case.accounts, "ben's": ours})) == {}


def test_a_send_that_was_cut_off_before_it_was_on_the_disk_is_not_owed() -> None:
    lives: list[list[Report]] = [[Said(ROOM, text(1)), Kept(text(1)), Said(ROOM, text(2))], [*acks(1), *seen(1, 2), Closed(0)]]
    case = Case({"ann's": Account("ann", Keeper.SDK, lives)}, {ROOM: stored(1)})

    assert counts(case) == {}


def test_the_same_text_in_another_room_is_another_send() -> None:
    lives: list[list[Report]] = [
        [Said("tea", "1"), Kept("1"), Seen("tea", 1, "made", "ann"), Seen("pie", 1, "made", "ann"), Closed(0)]
    ]
    case = Case({"ann's": Account("ann", Keeper.SDK, lives)}, {"tea": [MADE], "pie": [MADE, Entry(2, "id", "ann", "1")]})

    assert set(counts(case)) == {"lost", "altered", "hole"}


def test_a_line_that_a_kill_has_torn_is_no_report() -> None:
    reader = Reader()

    assert reader.feed(b'{"what":"kept","te') == []
    assert reader.feed(b'xt":"a"}\n{"what":"dra') == [Kept("a")]
