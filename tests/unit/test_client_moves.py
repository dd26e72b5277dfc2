"""A client's second session beside its first: what comes twice is shown once, and no send overtakes another."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringpost_client.backoff import Backoff
from ringpost_client.outbox import Outbox
from ringpost_client.positions import Positions
from ringpost_client.session import Action, Deliver, Dismissed, Moved, Session, Transmit

ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


def welcome(after: int = 0, inbox: int = 0, **more: Any) -> dict[str, Any]:
    ranges = [{"conversation": ROOM, "from": after + 1, "to": 99, "complete": True}]
    about = {"gateway": "a", "roles": ["read", "write"], "heartbeat_s": 10}
    return {"type": "welcome", "epoch": "e", "inbox": inbox, "ranges": ranges} | about | more


def events(first: int, last: int) -> dict[str, Any]:
    entries = [{"seq": seq, "type": "message"} for seq in range(first, last + 1)]
    return {"type": "events", "conversation": ROOM, "from": first, "to": last, "events": entries}


def sent(actions: Sequence[Action]) -> list[str]:
    return [action.frame["id"] for action in actions if isinstance(action, Transmit)]


def ack(id: str, seq: int) -> Mapping[str, Any]:
    return {"type": "acks", "acks": [{"conversation": ROOM, "id": id, "seq": seq, "at": "", "duplicate": False}]}


@given(st.data())
def test_of_two_sockets_that_deliver_the_same_events_each_is_shown_once_in_order(data: st.DataObject) -> None:
    positions = Positions()
    first = Session(None, positions)
    first.hello("t")
    first.receive(welcome())
    before = data.draw(st.integers(0, 8))
    shown = [e.seq for a in first.receive(events(1, before)) if isinstance(a, Deliver) for e in a.events] if before else []
    second = Session(None, positions, takes_over=True)
    said = second.hello("t")["positions"][ROOM]
    reached = {first: before, second: said}
    if data.draw(st.booleans()):
        shown += deliver(first, reached, data)
    second.receive(welcome(said))
    for session in data.draw(st.lists(st.sampled_from([first, second]), max_size=12)):
        shown += deliver(session, reached, data)

    assert shown == list(range(1, max(reached.values()) + 1))


def deliver(session: Session, reached: dict[Session, int], data: st.DataObject) -> list[int]:
    """Have a socket bring its next few events; return the seqs that are shown."""
    start = reached[session] + 1
    reached[session] += data.draw(st.integers(1, 4))
    actions = session.receive(events(start, reached[session]))
    assert all(isinstance(action, Deliver) for action in actions)
    return [event.seq for action in actions if isinstance(action, Deliver) for event in action.events]


def test_an_inbox_that_went_on_before_the_second_welcome_is_not_taken_for_lost() -> None:
    positions = Positions("e", inbox=3)
    second = Session(None, positions, takes_over=True)
    second.hello("t")
    positions.inbox = 5

    second.receive(welcome(inbox=4))

    assert positions.inbox == 5


def test_the_second_session_sends_nothing_until_it_takes_over_and_the_first_nothing_from_then_on() -> None:
    outbox = Outbox()
    first, second = Session(outbox, None), Session(outbox, None, takes_over=True)
    first.receive(welcome())
    assert sent(first.offer(outbox.add(ROOM, "one", {"type": "send", "text": "1"}))) == ["one"]

    assert sent(second.receive(welcome())) == []
    first.hold()
    assert sent(first.offer(outbox.add(ROOM, "two", {"type": "send", "text": "2"}))) == []
    assert first.is_waiting
    assert sent(first.receive(ack("one", 2))) == []
    assert not first.is_waiting

    assert sent(second.take_over()) == ["two"]
    assert sent(second.offer(outbox.add(ROOM, "three", {"type": "send", "text": "3"}))) == ["three"]


def test_what_was_put_off_on_the_first_leads_on_the_second() -> None:
    outbox = Outbox()
    first, second = Session(outbox, None), Session(outbox, None, takes_over=True)
    first.receive(welcome())
    for id in ("one", "two"):
        first.offer(outbox.add(ROOM, id, {"type": "send", "text": id}))
    for id in ("one", "two"):
        first.receive({"type": "error", "code": "put_off", "retryable": True, "conversation": ROOM, "id": id})
    second.receive(welcome())
    first.hold()

    assert not first.is_waiting
    assert sent(first.again(ROOM)) == []
    actions = second.take_over()
    assert sent(actions) == ["one", "two"]
    assert not any("again" in action.frame for action in actions if isinstance(action, Transmit))


@pytest.mark.parametrize("roles", [["read", "write"], ["read"]])
def test_a_session_that_reads_is_settled_once_it_has_caught_up(roles: list[str]) -> None:
    session = Session(None, Positions(), takes_over=True)
    assert not session.is_settled
    session.receive(welcome(roles=roles))
    assert not session.is_settled
    session.receive({"type": "caught_up"})
    assert session.is_settled


def test_a_session_that_writes_is_settled_with_its_welcome() -> None:
    session = Session(Outbox(), None, takes_over=True)
    session.receive({"type": "welcome", "roles": ["write"], "heartbeat_s": 10})
    assert session.is_settled


def test_what_a_gateway_that_stops_says_is_understood() -> None:
    session = Session(Outbox(), None)
    session.receive(welcome())

    moved = {"type": "moved", "retry_after": 0.5, "within_s": 9, "reconnect": {"spread_s": 2}}
    assert session.receive(moved) == [Moved(0.5, 9.0, 2.0)]
    error = {
        "type": "error",
        "code": "draining",
        "detail": "",
        "retryable": True,
        "retry_after": 1,
        "reconnect": {"spread_s": 4},
    }
    assert session.receive(error) == [Dismissed(1.0, 4.0)]
    assert session.receive({"type": "error", "code": "invalid", "detail": "", "retryable": False}) == []


def test_a_crowd_comes_back_within_the_time_that_the_service_gave_it() -> None:
    waits = [Backoff(0.5, 30.0).next(chance / 100, 1.0, 20.0) for chance in range(100)]

    assert min(waits) == 1.0
    assert max(waits) == pytest.approx(1.0 + 0.99 * 20)
    assert Backoff(0.5, 30.0).next(1.0, None, 0.1) == 0.5
