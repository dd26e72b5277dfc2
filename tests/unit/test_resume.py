"""Where a client goes on, from what it has."""

from uuid import UUID, uuid4

from services.read.resume import Cursor, Start, plan
from shared.storage.history import Head, Membership, Memberships

EPOCH, OTHER = uuid4(), uuid4()
ROOM = uuid4()


def memberships(head: int = 9, joined: int = 1, visible_from: int = 1, inbox_seq: int = 1, inbox: int = 1) -> Memberships:
    return Memberships(EPOCH, inbox, {ROOM: Membership(ROOM, Head(head, 0), joined, visible_from, inbox_seq)})


def start(cursor: Cursor, there: Memberships) -> Start:
    (only,) = plan(cursor, there).starts
    return only


def at(position: int, epoch: UUID | None = EPOCH, inbox: int = 1) -> Cursor:
    return Cursor(epoch, inbox, {ROOM: position})


def test_a_position_is_continued_by_the_next_seq() -> None:
    assert start(at(4), memberships()).range() == {"conversation": ROOM, "from": 5, "to": 9, "complete": True}


def test_a_client_that_has_everything_gets_an_empty_range() -> None:
    assert start(at(9), memberships()) == Start(ROOM, 9, 9, True)


def test_a_new_conversation_comes_from_the_joining_on() -> None:
    assert start(Cursor(EPOCH, inbox=3), memberships(joined=6, inbox_seq=4, inbox=4)) == Start(ROOM, 5, 9, True)


def test_a_known_conversation_without_a_position_goes_on_live() -> None:
    assert start(Cursor(EPOCH, inbox=4), memberships(joined=6, inbox_seq=4, inbox=4)) == Start(ROOM, 9, 9, True)


def test_history_from_joining_hides_what_came_before_and_says_so() -> None:
    assert start(at(2), memberships(joined=6, visible_from=6)) == Start(ROOM, 5, 9, False)


def test_a_position_of_another_epoch_is_lost() -> None:
    chosen = plan(at(4, epoch=OTHER), memberships())

    assert chosen.lost == (ROOM,)
    assert chosen.starts == (Start(ROOM, 0, 9, True),)
    assert chosen.inbox == 0


def test_a_position_beyond_the_head_is_lost() -> None:
    assert plan(at(10), memberships()).lost == (ROOM,)


def test_an_inbox_position_beyond_its_head_is_lost() -> None:
    for epoch in (EPOCH, None):
        assert plan(Cursor(epoch, inbox=7), memberships(inbox=3)).inbox_lost
    assert not plan(Cursor(EPOCH, inbox=3), memberships(inbox=3)).inbox_lost


def test_a_foreign_conversation_in_the_cursor_changes_nothing() -> None:
    chosen = plan(Cursor(EPOCH, 1, {uuid4(): 3, ROOM: 9}), memberships())

    assert [s.conversation for s in chosen.starts] == [ROOM]
    assert chosen.lost == ()


def test_what_is_on_the_screen_comes_first_and_what_one_is_not_in_not_at_all() -> None:
    rooms = [uuid4() for _ in range(4)]
    there = Memberships(EPOCH, 1, {room: Membership(room, Head(9, 0), 1, 1, 1) for room in rooms})
    chosen = plan(Cursor(EPOCH, 1, dict.fromkeys(rooms, 3), [rooms[2], uuid4(), rooms[1], rooms[2]]), there)

    assert [one.conversation for one in chosen.starts] == [rooms[2], rooms[1], rooms[0], rooms[3]]
    assert chosen.urgent == 2
