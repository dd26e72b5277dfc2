"""Who is in which conversation, and who sends where."""

from collections import Counter

from tests.bench.rooms import Plot, Rooms

ROOMS = Rooms(["alice", "bob"], [["a", "b", "c", "d"], ["c", "d", "e", "f"]])


def test_everybody_is_in_as_many_conversations_as_everybody_else() -> None:
    plot = Plot(conversations=1_000, users=100, members=2)

    seats = [plot.members_of(number) for number in range(plot.conversations)]

    assert all(len(set(members)) == 2 for members in seats)
    assert set(Counter(user for members in seats for user in members).values()) == {20}


def test_the_members_of_a_conversation_are_at_different_gateways() -> None:
    plot = Plot(conversations=1_000, users=100, members=2)

    for gateways in (2, 4):
        assert all(len({user % gateways for user in plot.members_of(n)}) == 2 for n in range(plot.conversations))


def test_one_conversation_may_have_everybody() -> None:
    assert Plot(conversations=1, users=64, members=64).members_of(0) == list(range(64))


def test_each_sender_is_a_user_who_sends_to_all_conversations_of_theirs() -> None:
    assert [ROOMS.seat(sender, 2) for sender in range(2)] == [("alice", ["a", "b", "c", "d"]), ("bob", ["c", "d", "e", "f"])]


def test_the_senders_of_one_user_begin_with_different_conversations() -> None:
    begins = [ROOMS.seat(sender, 8)[1] for sender in range(0, 8, 2)]

    assert [begin[0] for begin in begins] == ["a", "b", "c", "d"]
    assert all(sorted(begin) == ["a", "b", "c", "d"] for begin in begins)
