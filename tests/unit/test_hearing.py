"""When a gateway is deaf: by canaries that are out, and a Redis that answers."""

from services.read.hearing import DEAF_AFTER_S, REOPEN_S, Hearing


def send(hearing: Hearing, at: float, *, is_answered: bool = True) -> int:
    canary = hearing.send()
    if is_answered:
        hearing.answered(canary, at)
    return canary


def test_who_hears_its_canaries_is_not_deaf() -> None:
    hearing = Hearing()
    for second in range(10):
        hearing.heard(send(hearing, float(second)))
        assert not hearing.is_deaf(second + 0.9)


def test_a_canary_that_does_not_come_back_though_redis_answers_makes_deaf_within_three_seconds() -> None:
    hearing = Hearing()
    hearing.heard(send(hearing, 0.0))
    for second in (1.0, 2.0, 2.7):
        assert not hearing.is_deaf(second)
        send(hearing, second)

    assert hearing.is_deaf(3.0)
    assert hearing.lag_s(3.0) == 2.0


def test_a_redis_that_answers_nobody_makes_nobody_deaf() -> None:
    hearing = Hearing()
    send(hearing, 0.0)
    for second in (1.0, 2.0, 30.0):
        send(hearing, second, is_answered=False)
        assert not hearing.is_deaf(second + DEAF_AFTER_S)


def test_the_next_canary_that_is_heard_settles_those_before_it() -> None:
    hearing = Hearing()
    for second in (0.0, 1.0, 2.0, 3.0):
        canary = send(hearing, second)
    assert hearing.is_deaf(3.0)

    hearing.heard(canary)

    assert not hearing.is_deaf(30.0)
    assert hearing.lag_s(30.0) == 0.0


def test_a_canary_that_comes_back_before_its_publishing_was_answered_is_not_waited_for() -> None:
    hearing = Hearing()
    canary = hearing.send()
    hearing.heard(canary)
    hearing.answered(canary, 0.1)

    assert hearing.lag_s(60.0) == 0.0


def test_a_canary_that_was_never_sent_settles_nothing() -> None:
    hearing = Hearing()
    send(hearing, 0.0)
    send(hearing, 1.0)

    hearing.heard(10**18)

    assert hearing.is_deaf(2.0)


def test_the_subscription_is_opened_anew_at_once_and_then_at_intervals() -> None:
    hearing = Hearing()
    send(hearing, 0.0)
    send(hearing, 1.0)

    assert not hearing.must_reopen(1.0)
    assert hearing.must_reopen(2.0)
    assert not hearing.must_reopen(2.0 + REOPEN_S / 2)
    assert hearing.must_reopen(2.0 + REOPEN_S)
