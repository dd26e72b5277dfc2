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
