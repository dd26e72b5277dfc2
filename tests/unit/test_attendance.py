"""Who is here, and what watchers are told: cores, so time is an argument."""

from hypothesis import given
from hypothesis import strategies as st

from services.read.attendance import GRACE_S, Attendance, Watchlist, earlier, since_when


def test_a_user_comes_with_the_first_socket_and_goes_a_grace_after_the_last() -> None:
    attendance = Attendance()
    attendance.came("bob", 1000.7)
    attendance.came("bob", 1001)
    assert attendance.due(0) == {"bob": 1000}
    attendance.left("bob", 10)
    assert attendance.due(10 + 2 * GRACE_S) == {}
    attendance.left("bob", 20)
    assert attendance.due(20 + GRACE_S - 0.1) == {}
    assert attendance.due(20 + GRACE_S) == {"bob": None}
    assert attendance.everybody() == {}


def test_a_reconnect_within_the_grace_is_nothing() -> None:
    attendance = Attendance()
    attendance.came("bob", 1000)
    attendance.due(0)
    attendance.left("bob", 10)
    attendance.came("bob", 1012)
    assert attendance.due(1e9) == {}
    assert attendance.everybody() == {"bob": 1000}


def test_what_could_not_be_told_is_due_again_unless_something_newer_is() -> None:
    attendance = Attendance()
    attendance.came("bob", 1000)
    attendance.came("carol", 1000)
    failed = attendance.due(0)
    attendance.left("carol", 0)
    attendance.put_back(failed)
    assert attendance.due(GRACE_S) == {"bob": 1000, "carol": None}
    assert attendance.due(GRACE_S) == {}


MOVES = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 4)), max_size=60)


@given(MOVES)
def test_what_was_told_adds_up_to_who_is_here(moves: list[tuple[str, bool, float]]) -> None:
    attendance, told = Attendance(), dict[str, int | None]()
    sockets: dict[str, int] = dict.fromkeys("abc", 0)
    now = 0.0
    for user, is_coming, pause in moves:
        now += pause
        if is_coming:
            attendance.came(user, now)
            sockets[user] += 1
        elif sockets[user]:
            attendance.left(user, now)
            sockets[user] -= 1
        told |= attendance.due(now)
        online = {user for user, since in told.items() if since is not None}
        assert {user for user, n in sockets.items() if n} <= online
    told |= attendance.due(now + GRACE_S)
    assert {user for user, since in told.items() if since is not None} == {user for user, n in sockets.items() if n}


def test_watchers_hear_of_edges_alone_each_of_whom_they_watch() -> None:
    watchlist = Watchlist[str]()
    assert watchlist.watch("phone", ["bob", "carol"]) == (["bob", "carol"], [])
    assert watchlist.watch("laptop", ["bob"]) == ([], [])
    assert watchlist.learn({"bob": 7, "carol": None, "dave": 7}) == {"phone": {"bob": 7, "carol": None}, "laptop": {"bob": 7}}
    assert watchlist.learn({"bob": 8, "carol": None}) == {}
    assert watchlist.known(["bob", "dave"]) == {"bob": 8}
    assert watchlist.learn({"bob": None}) == {"phone": {"bob": None}, "laptop": {"bob": None}}


def test_a_new_list_ends_what_nobody_watches_any_more() -> None:
    watchlist = Watchlist[str]()
    watchlist.watch("phone", ["bob", "carol"])
    watchlist.watch("laptop", ["bob"])
    assert watchlist.watch("phone", ["carol", "dave"]) == (["dave"], [])
    assert watchlist.watch("laptop", []) == ([], ["bob"])
    assert watchlist.watchers_of("bob") == ()
    assert watchlist.watch("phone", []) == ([], ["carol", "dave"])
    assert (len(watchlist), watchlist.watched_by("phone")) == (0, ())


def test_entries_of_dead_gateways_are_void() -> None:
    assert since_when({"one": 5, "other": 3}, {"one", "other"}) == 3
    assert since_when({"one": 5, "other": 3}, {"one"}) == 5
    assert since_when({"one": 5}, set()) is None


def test_of_two_moments_the_earlier_counts_and_none_is_none() -> None:
    assert [earlier(5, 3), earlier(5, None), earlier(None, 3), earlier(None, None)] == [3, 5, 3, None]
