"""How long a connection is waited for; the clock is an argument."""

import pytest

from shared.web.patience import Patience, Phase, Timeouts

TIMEOUTS = Timeouts(head_s=10, body_s=10, keep_alive_s=75, unread_s=30, linger_s=2, body_bytes_per_s=100)


def test_silence_from_the_start_ends_at_the_deadline_of_a_head() -> None:
    patience = Patience(TIMEOUTS, now=0)
    assert not patience.is_over(10)
    assert patience.is_over(10.1)


def test_a_trickled_head_gains_no_time() -> None:
    patience = Patience(TIMEOUTS, now=0)
    for second in range(1, 11):
        patience.begin(second)
    assert patience.phase is Phase.HEAD
    assert patience.is_over(11.1)


def test_a_body_may_pause_but_not_trickle() -> None:
    patience = Patience(TIMEOUTS, now=0)
    patience.begin(0)
    patience.take_head(0)
    patience.take_body(1_000, now=5)
    assert not patience.is_over(14.9)
    assert patience.is_over(15.1)
    for second in range(6, 100):
        patience.take_body(1, now=second)
    assert patience.is_over(99)


def test_a_slow_but_steady_body_is_taken() -> None:
    patience = Patience(TIMEOUTS, now=0)
    patience.take_head(0)
    for second in range(1, 600):
        assert not patience.is_over(second)
        patience.take_body(150, now=second)


def test_our_own_work_has_no_deadline_here_and_rest_has() -> None:
    patience = Patience(TIMEOUTS, now=0)
    patience.work()
    assert not patience.is_over(1e9)
    patience.rest(100)
    assert not patience.is_over(175)
    assert patience.is_over(175.1)


@pytest.mark.parametrize("phase", [Phase.HEAD, Phase.BODY])
def test_what_we_did_not_read_is_not_late(phase: Phase) -> None:
    patience = Patience(TIMEOUTS, now=0)
    patience.begin(0) if phase is Phase.HEAD else patience.take_head(0)
    patience.excuse(50)
    assert patience.phase is phase
    assert not patience.is_over(59)
    assert patience.is_over(61)


def test_closing_once_is_closing() -> None:
    patience = Patience(TIMEOUTS, now=0)
    patience.close(0, within_s=2)
    patience.close(1, within_s=30)
    assert patience.is_over(2.1)


def test_the_sweep_comes_several_times_within_the_shortest_deadline() -> None:
    assert Timeouts().sweep_s <= 1
    assert Timeouts(head_s=0.4).sweep_s == pytest.approx(0.1)
