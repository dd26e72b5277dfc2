"""Signals on the wire, the pace of typing, and what is told of marks that moved."""

import json
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.read import receipts
from services.read.receipts import REPEATED_FOR_S, Repeats, own_frame, receipts_frames
from services.read.typing import CONVERSATION_S, SOCKET_S, TypingPace
from shared.bus import payload
from shared.bus.signals import Signal, is_signal, pack, unpack
from shared.errors import Invalid
from shared.storage.markers import Mark, Marker

ROOM, OTHER = UUID(int=1), UUID(int=2)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_signal_comes_out_as_it_went_in_and_is_no_event_to_a_gateway_that_does_not_know_it(user: str) -> None:
    signal = Signal("a1b2", user, b'{"type":"typing"}')
    data = pack(signal)
    assert is_signal(data)
    assert unpack(data) == signal
    with pytest.raises(Invalid):
        payload.unpack(data)


def test_an_event_is_no_signal() -> None:
    assert not is_signal(payload.pack(payload.Payload(uuid4(), 0, 1, 1, b"{}")))


@pytest.mark.parametrize(
    "data", [b"S1 ", b"S1 a\n{}", b"S1 a %ff\n{}", b"S1 a bob\nno", b"S2 a bob\n{}", b"S1 a bob {}", b"S1 \xff b\n{}"]
)
def test_what_is_no_signal_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        unpack(data)


def test_typing_is_passed_on_once_a_conversation_and_two_seconds() -> None:
    pace = TypingPace()
    assert pace.admit("phone", ROOM, 0)
    assert not pace.admit("phone", ROOM, CONVERSATION_S - 0.1)
    assert pace.admit("laptop", ROOM, 1)
    assert pace.admit("phone", ROOM, CONVERSATION_S)


def test_a_socket_that_types_everywhere_is_held_to_a_pace() -> None:
    pace = TypingPace()
    passed = sum(pace.admit("phone", UUID(int=n), n / 1000) for n in range(1000))
    assert passed <= 1 / SOCKET_S + 1


def moved(user: str, room: UUID = ROOM, *, is_small: bool = True, read: int = 3) -> Marker:
    return Marker(room, user, read, 4, 9, 5, is_small, is_read=True)


def test_members_of_a_conversation_are_told_of_in_one_frame_and_none_of_a_large_one() -> None:
    told = receipts_frames([moved("bob"), moved("alice", OTHER), moved("carol"), moved("dave", UUID(int=3), is_small=False)])
    assert told.keys() == {ROOM, OTHER}
    assert json.loads(told[ROOM])["members"] == {user: {"read": 3, "delivered": 4} for user in ("bob", "carol")}
    assert json.loads(own_frame(moved("bob"))) == {"type": "read", "conversation": str(ROOM), "seq": 3, "head": 9, "unread": 5}


def test_marks_together_are_the_higher_ones() -> None:
    assert Mark(3, 1) | Mark(2, 4) == Mark(3, 4)


def test_a_marker_is_repeated_with_its_latest_frame_for_a_while() -> None:
    repeats = Repeats()
    repeats.note((ROOM, "bob"), b"old", 0)
    repeats.note((OTHER, "bob"), b"other", 10)
    repeats.note((ROOM, "bob"), b"new", 20)
    assert repeats.due(30) == [("bob", b"other"), ("bob", b"new")]
    assert repeats.due(10 + REPEATED_FOR_S) == [("bob", b"new")]
    assert repeats.due(20 + REPEATED_FOR_S) == []


def test_of_too_many_markers_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "MOST", 3)
    repeats = Repeats()
    for n in range(5):
        repeats.note((ROOM, f"u{n}"), b"", 0)
    assert [user for user, _ in repeats.due(1)] == ["u2", "u3", "u4"]
