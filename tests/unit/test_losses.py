"""Losing many at once: what is believed, and when."""

from router.losses import WINDOW_S, Losses

FOUR = {"a", "b", "c", "d"}


def having(*names: str) -> Losses:
    losses = Losses()
    losses.judge(set(names), (), 0.0)
    return losses


def test_half_of_a_pool_may_go_at_once() -> None:
    assert not having(*FOUR).judge({"a", "b"}, (), 1.0)


def test_more_than_half_at_once_is_not_believed() -> None:
    assert having(*FOUR).judge({"a"}, (), 1.0)


def test_more_than_half_one_by_one_within_the_window_is_not_believed() -> None:
    losses = having(*FOUR)

    assert [losses.judge(left, (), at) for left, at in (({"a", "b", "c"}, 3.0), ({"a", "b"}, 6.0), ({"a"}, 9.0))] == [
        False,
        False,
        True,
    ]


def test_a_slow_loss_is_believed() -> None:
    losses = having(*FOUR)
    losses.judge({"a", "b"}, (), 1.0)

    assert not losses.judge({"a"}, (), 1.0 + WINDOW_S)


def test_those_who_left_by_their_own_word_are_not_lost() -> None:
    assert not having(*FOUR).judge({"a"}, {"b", "c", "d"}, 1.0)


def test_all_gone_is_never_believed() -> None:
    losses = having(*FOUR)

    assert all(losses.judge(set(), (), at) for at in (1.0, 100.0, 10_000.0))


def test_the_first_one_back_does_not_get_everything() -> None:
    losses = having(*FOUR)
    losses.judge(set(), (), 1.0)

    assert losses.judge({"a"}, (), 100.0)
    assert losses.judge({"a", "b", "c"}, (), 101.0)
    assert not losses.judge(FOUR, (), 102.0)


def test_who_leaves_by_its_own_word_is_not_waited_for() -> None:
    losses = having(*FOUR)
    losses.judge(set(), (), 1.0)

    assert losses.judge({"a", "b", "c"}, (), 100.0)
    assert not losses.judge({"a", "b", "c"}, {"d"}, 101.0)


def test_who_served_alone_for_a_while_is_believed() -> None:
    losses = having(*FOUR)
    losses.judge(set(), (), 1.0)
    losses.judge({"a"}, (), 100.0)

    assert losses.judge({"a"}, (), 100.0 + WINDOW_S - 1)
    assert not losses.judge({"a"}, (), 100.0 + WINDOW_S)


def test_a_router_that_has_just_started_believes_the_first_one() -> None:
    losses = Losses()
    losses.judge(set(), (), 0.0)

    assert not losses.judge({"a"}, (), 1.0)
