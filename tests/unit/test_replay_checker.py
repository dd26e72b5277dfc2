"""The checker turns red for each fault that is planted, in whichever copy, and stays green without one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.replay.checker import Entry, History, Sent, check

NAMES = ("lost", "duplicated", "out_of_order", "altered", "disagreements")
Copy = list[Entry]


def _sound() -> History:
    sent = [Sent(f"id-{n}", f"user-{n % 3}", f"text {n}", n + 1) for n in range(1, 9)]
    entries = [Entry(1, "made", "owner", "", is_message=False), *(Entry(s.seq or 0, s.id, s.sender, s.text) for s in sent)]
    return History(sent, frozenset(), entries, list(entries), {"w1": list(entries), "w2": list(entries)})


def _in_copy(history: History, copy: str, change: Callable[[Copy], Copy]) -> History:
    if copy == "api":
        return replace(history, api=change(list(history.api)))
    if copy == "select":
        return replace(history, select=change(list(history.select or [])))
    return replace(history, seen={**history.seen, copy: change(list(history.seen[copy]))})


def _counts(history: History, *, by_sender: bool = False) -> dict[str, int]:
    verdict = check({"tea": history}, by_sender=by_sender)
    assert verdict.is_clean == (not any(getattr(verdict, name) for name in NAMES))
    assert bool(verdict.faults) == (not verdict.is_clean)
    return {name: getattr(verdict, name) for name in NAMES if getattr(verdict, name)}


def _without(place: int) -> Callable[[Copy], Copy]:
    return lambda copy: copy[:place] + copy[place + 1 :]


def _again(copy: Copy) -> Copy:
    return [*copy[:4], copy[3], *copy[4:]]


def _delivered_late(copy: Copy) -> Copy:
    return [*copy[:3], copy[4], copy[3], *copy[5:]]


def _numbers_swapped(copy: Copy) -> Copy:
    swapped = list(copy)
    swapped[3], swapped[4] = replace(copy[4], seq=copy[3].seq), replace(copy[3], seq=copy[4].seq)
    return swapped


def _stored_twice(copy: Copy) -> Copy:
    return [*copy, replace(copy[3], seq=copy[-1].seq + 1)]


def _reworded(copy: Copy) -> Copy:
    return [*copy[:3], replace(copy[3], text=copy[3].text + " "), *copy[4:]]


def _ascribed_to_another(copy: Copy) -> Copy:
    return [*copy[:3], replace(copy[3], sender="mallory"), *copy[4:]]


def _invented(copy: Copy) -> Copy:
    return [*copy, Entry(copy[-1].seq + 1, "nobody's", "user-1", "psst")]


FAULTS: dict[str, tuple[Callable[[Copy], Copy], set[str]]] = {
    "a row deleted": (_without(4), {"lost"}),
    "the last row deleted": (_without(8), {"lost"}),
    "an event that is no message left out": (_without(0), {"lost"}),
    "a delivery repeated": (_again, {"duplicated"}),
    "a delivery that came late": (_delivered_late, {"out_of_order"}),
    "two seqs swapped": (_numbers_swapped, {"out_of_order", "altered"}),
    "a send stored twice": (_stored_twice, {"duplicated", "altered"}),
    "a text altered": (_reworded, {"altered"}),
    "a sender altered": (_ascribed_to_another, {"altered"}),
    "a message that nobody sent": (_invented, {"altered"}),
}


def test_a_sound_history_is_green() -> None:
    assert _counts(_sound()) == {}


@pytest.mark.parametrize("copy", ["api", "select", "w1", "w2"])
@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_turns_it_red_in_each_copy(fault: str, copy: str) -> None:
    plant, wanted = FAULTS[fault]
    counts = _counts(_in_copy(_sound(), copy, plant))
    assert set(counts) - {"disagreements"} == wanted


@pytest.mark.parametrize("copy", ["api", "select"])
def test_api_and_database_must_agree(copy: str) -> None:
    assert _counts(_in_copy(_sound(), copy, _without(4)))["disagreements"] == 1


COUNTED: dict[str, tuple[Callable[[Copy], Copy], str, int]] = {
    "two numbers that came late": (lambda copy: [copy[1], copy[0], copy[3], copy[2], *copy[4:]], "out_of_order", 2),
    "three deliveries of two numbers too many": (
        lambda copy: [copy[0], *copy[:1], copy[0], *copy[1:2], *copy[1:]],
        "duplicated",
        3,
    ),
    "two sends stored again, one of them twice": (
        lambda copy: [*copy, *(replace(copy[n], seq=copy[-1].seq + more) for n, more in ((3, 1), (3, 2), (4, 3)))],
        "duplicated",
        3,
    ),
    "two texts altered": (lambda copy: [*_reworded(copy)[:5], replace(copy[5], text="?"), *copy[6:]], "altered", 2),
    "two rows deleted": (lambda copy: [*copy[:3], copy[4], *copy[6:]], "lost", 2),
}


@pytest.mark.parametrize("what", COUNTED)
def test_each_fault_is_counted_as_often_as_it_is_there(what: str) -> None:
    plant, name, many = COUNTED[what]
    counts = _counts(_in_copy(_in_copy(_sound(), "w1", plant), "w2", plant))
    assert counts[name] == 2 * many


def test_disagreements_of_several_conversations_add_up() -> None:
    history = _in_copy(_sound(), "select", _without(4))
    assert check({"tea": history, "rum": history}).disagreements == 2


def _words(history: History) -> list[str]:
    return check({"tea": history}).faults


SAID: dict[str, tuple[Callable[[Copy], Copy], str]] = {
    "late": (_delivered_late, "tea, w: 4 came after 5"),
    "repeated": (_again, "tea, w: 4 is there 2 times"),
    "stored twice": (_stored_twice, "tea, w: id-3 is there as [4, 10]"),
    "missing": (_without(4), "tea, w: id-4 is missing (acknowledged as 5)"),
    "a hole": (_without(0), "tea, w: 1 numbers are missing"),
    "another text": (_reworded, "tea, w: 4 (id-3) is not as it was sent"),
    "another number": (_numbers_swapped, "tea, w: 4 (id-4) was acknowledged as 5"),
    "invented": (_invented, "tea, w: 10 (nobody's) was never sent"),
    "in another order": (_numbers_swapped, "tea, w: 5 (id-3) was sent before what stands above it"),
}


@pytest.mark.parametrize("what", SAID)
@pytest.mark.parametrize("copy", ["api", "select", "w1"])
def test_a_fault_is_told_with_its_place(what: str, copy: str) -> None:
    plant, words = SAID[what]
    place = copy if copy != "w1" else "watcher w1"
    assert words.replace(", w:", f", {place}:") in _words(_in_copy(_sound(), copy, plant))


def test_a_disagreement_and_a_refused_send_that_is_there_are_told() -> None:
    differing = _in_copy(_sound(), "select", _without(4))
    assert "tea: the history API and the database differ in 1 entries" in _words(differing)
    assert "tea, api: 4 (id-3) was refused" in _words(replace(_sound(), refused=frozenset({"id-3"})))


def test_the_first_twenty_faults_are_told() -> None:
    assert len(_words(_in_copy(_in_copy(_sound(), "w1", lambda _: []), "w2", lambda _: []))) == 16
    nothing = replace(_sound(), api=[], select=[], seen={"w1": []})
    assert len(_words(nothing)) == 20


def test_a_copy_that_saw_nothing_lost_everything() -> None:
    assert _counts(_in_copy(_sound(), "w1", lambda _: [])) == {"lost": 8}


def test_a_number_that_every_copy_lacks_is_lost() -> None:
    history = _sound()
    gone = history.sent[3]
    without = replace(history, sent=[send for send in history.sent if send is not gone])
    for copy in ("api", "select", "w1", "w2"):
        without = _in_copy(without, copy, lambda entries: [entry for entry in entries if entry.id != gone.id])
    assert _counts(without) == {"lost": 4}


def test_a_refused_send_must_not_be_stored() -> None:
    history = _sound()
    refused = replace(history, refused=frozenset({history.sent[2].id}))
    assert _counts(refused) == {"altered": 4}


def test_a_refused_send_that_is_nowhere_is_no_fault() -> None:
    history = _sound()
    more = [*history.sent, Sent("no", "user-1", "", None)]
    assert _counts(replace(history, sent=more, refused=frozenset({"no"}))) == {}


def test_another_number_than_was_acknowledged_is_a_fault() -> None:
    history = _sound()
    told_wrong = [replace(send, seq=99) if send.id == "id-4" else send for send in history.sent]
    assert _counts(replace(history, sent=told_wrong)) == {"altered": 4}


def test_a_send_without_an_acknowledgement_must_be_stored_all_the_same() -> None:
    history = _sound()
    unanswered = [*history.sent, Sent("late", "user-1", "x", None)]
    assert _counts(replace(history, sent=unanswered)) == {"lost": 4}


def test_order_among_senders_is_looked_at_unless_it_is_only_by_sender() -> None:
    history = _sound()
    interleaved = replace(history, sent=[history.sent[1], history.sent[0], *history.sent[2:]])
    assert _counts(interleaved) == {"out_of_order": 4}
    assert _counts(interleaved, by_sender=True) == {}


def test_order_of_one_sender_is_looked_at_by_sender_too() -> None:
    history = _sound()
    swapped = replace(history, sent=[history.sent[3], *history.sent[1:3], history.sent[0], *history.sent[4:]])
    assert _counts(swapped, by_sender=True) == {"out_of_order": 4}
