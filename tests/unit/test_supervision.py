"""When a child is started again, and in which order all are stopped."""

from deploy.local.supervision import FIRST_PAUSE_S, LONGEST_PAUSE_S, SETTLED_AFTER_S, Supervision, stop_groups


def test_pauses_grow_to_a_bound() -> None:
    supervision, now, pauses = Supervision(), 0.0, []
    for _ in range(10):
        supervision.started("read-1", now)
        now += 0.1
        pauses.append(supervision.died("read-1", now))
        now += pauses[-1]

    assert pauses[:3] == [FIRST_PAUSE_S, FIRST_PAUSE_S * 2, FIRST_PAUSE_S * 4]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_child_that_lived_for_a_while_starts_with_the_first_pause_again() -> None:
    supervision = Supervision()
    supervision.started("read-1", 0.0)
    supervision.died("read-1", 1.0)
    supervision.started("read-1", 2.0)

    assert supervision.died("read-1", 2.0 + SETTLED_AFTER_S) == FIRST_PAUSE_S


def test_a_child_is_due_once_its_pause_is_over() -> None:
    supervision = Supervision()
    supervision.started("redis", 0.0)
    supervision.died("redis", 1.0)

    assert supervision.due(1.0) == []
    assert supervision.due(1.0 + FIRST_PAUSE_S) == ["redis"]
    supervision.started("redis", 1.0 + FIRST_PAUSE_S)
    assert supervision.due(100.0) == []


def test_routers_stop_first_and_postgres_last() -> None:
    names = ["postgres", "read-2", "redis", "write-1", "router-1", "read-1", "router-2", "both-1"]

    assert [group for group, _ in stop_groups(names)] == [
        ["router-1", "router-2"],
        ["both-1", "read-1", "read-2", "write-1"],
        ["redis"],
        ["postgres"],
    ]


def test_all_are_stopped_within_ten_seconds_and_each_group_has_some_of_them() -> None:
    deadlines = [by_s for _, by_s in stop_groups(["router-1", "read-1", "redis", "postgres"])]

    assert deadlines == sorted(set(deadlines))
    assert deadlines[-1] < 10
