"""How many connections a process of the relay takes."""

from router.room import Room


def test_there_is_room_for_as_many_as_are_wanted() -> None:
    room = Room(2, 10_000)

    assert [room.take(), room.take(), room.take()] == [True, True, False]
    assert room.is_full
    room.leave()
    assert room.take()


def test_two_files_a_connection_and_some_to_spare_set_the_limit() -> None:
    room = Room(9_000, 1_000)

    assert (room.limit, room.is_short) == (400, True)


def test_with_hardly_any_files_there_is_room_for_one() -> None:
    assert Room(9_000, 64).limit == 1


def test_files_enough_are_no_limit() -> None:
    assert not Room(9_000, 18_200).is_short
