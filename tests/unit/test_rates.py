"""How fast one may send: exact at one gateway, within a stated bound at several; time is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import inf
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.write.rates import BURST_S, LATE_S, LOOK_S, SLIGHT, Rates
from shared.bus.rates import Debit, Kind

ROOM, OTHER = uuid4(), uuid4()
TICK_S = 0.1
RATES = st.sampled_from([0.01, 0.4, 1.0, 7.5, 100.0, 5_000.0, 1e6])
PAUSES = st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.01, 0.1, 0.5, 3.0, 60.0])


@dataclass(slots=True)
class Shared:
    """What Redis does with the buckets, as plain arithmetic (the script itself is tested in a real one)."""

    levels: dict[tuple[str, float], tuple[float, float]] = field(default_factory=dict)

    def debit(self, debits: Sequence[Debit], now: float) -> list[float]:
        for debit in debits:
            level, key = debit.level, (debit.name, debit.rate)
            if key in self.levels:
                before, at = self.levels[key]
                level = min(debit.burst, before - debit.used + debit.rate * (now - at))
            self.levels[key] = max(level, -10 * debit.burst), now
        return [self.levels[debit.name, debit.rate][0] for debit in debits]


def tell(rates: Rates, shared: Shared, now: float, way_s: float = 0) -> None:
    """Report, and hear the answer; *way_s* is how long the report took to get there, by a clock that is an hour ahead."""
    report = rates.report(now)
    rates.correct(report, shared.debit(report.debits, 3_600 + now + way_s))


def burst_of(rate: float) -> float:
    return max(1.0, rate * BURST_S)


def drain(rates: Rates, now: float, user: str = "alice", room: UUID = ROOM) -> int:
    """Send until one is refused; return how many were admitted."""
    admitted = 0
    while rates.admit(user, room, now) is None:
        admitted += 1
    return admitted


@pytest.mark.parametrize(
    ("user_rate", "conversation_rate", "admitted"),
    [(100, 5_000, 300), (5_000, 100, 300), (100, 0, 300), (0, 100, 300), (0.5, 0, 1), (1, 0, 3), (2.5, 0, 7)],
)
def test_three_seconds_worth_may_be_sent_at_once(user_rate: float, conversation_rate: float, admitted: int) -> None:
    assert drain(Rates(user_rate, conversation_rate), now=1_000) == admitted


def test_no_limit_is_no_bucket() -> None:
    rates = Rates(0, 0)

    assert all(rates.admit("alice", ROOM, 0) is None for _ in range(10_000))
    assert len(rates) == 0


def test_a_rate_of_ones_own_has_its_own_bucket_and_0_is_no_limit() -> None:
    rates = Rates(1, 0)

    assert drain(rates, 0) == 3
    assert [rates.admit("alice", ROOM, 0, rate=2.0) for _ in range(6)] == [None] * 6
    assert rates.admit("alice", ROOM, 0, rate=2.0) == pytest.approx(0.5)
    assert all(rates.admit("alice", ROOM, 0, rate=0.0) is None for _ in range(100))


def test_a_conversation_is_limited_whatever_the_rate_of_who_sends() -> None:
    rates = Rates(1, 2)

    assert [rates.admit("service", ROOM, 0, rate=0.0) for _ in range(6)] == [None] * 6
    assert rates.admit("service", ROOM, 0, rate=0.0) == pytest.approx(0.5)
    assert rates.admit("service", OTHER, 0, rate=0.0) is None


def test_a_refused_send_costs_nobody_a_token() -> None:
    rates = Rates(10, 1)
    assert drain(rates, 0) == 3  # the conversation is empty, alice has 27 left
    for _ in range(100):
        assert rates.admit("alice", ROOM, 0) is not None
    assert drain(rates, 0, room=OTHER) == 3
    rates = Rates(1, 10)
    assert drain(rates, 0) == 3  # alice has none left, the conversation 27
    for _ in range(100):
        assert rates.admit("alice", ROOM, 0) is not None

    assert sum(drain(rates, 0, user=f"user {n}") for n in range(100)) == 27


def test_who_is_refused_hears_of_the_longer_pause() -> None:
    rates = Rates(1, 0.25)
    rates.admit("alice", ROOM, 0)

    assert rates.admit("alice", ROOM, 0) == pytest.approx(4)


def most_over(rate: float, times: Sequence[float]) -> float:
    """Return the most that was admitted at *times* (ascending) in any span of time, beyond what the rate gives in it."""
    most, least = 0.0, inf
    for n, now in enumerate(times):
        least = min(least, n - rate * now)
        most = max(most, n + 1 - rate * now - least)
    return most


@given(RATES, RATES, st.lists(st.tuples(PAUSES, st.integers(0, 400), st.booleans()), min_size=1, max_size=50))
def test_one_gateway_never_admits_more_than_the_burst_and_the_rate(
    user_rate: float, conversation_rate: float, steps: list[tuple[float, int, bool]]
) -> None:
    rates, now = Rates(user_rate, conversation_rate), 5_000.0
    users: dict[str, list[float]] = {"alice": [], "bob": []}
    for pause_s, sends, is_reported in steps:
        now += pause_s
        for n in range(sends):
            user = "bob" if n % 3 else "alice"
            if rates.admit(user, ROOM, now) is None:
                users[user].append(now)
        if is_reported:
            rates.report(now)

    admitted = [(user_rate, user) for user in users.values()] + [(conversation_rate, sorted(chain(*users.values())))]
    assert all(most_over(rate, times) <= burst_of(rate) + 0.01 + 1e-5 * rate for rate, times in admitted)


@given(RATES, RATES, st.lists(st.tuples(PAUSES, st.integers(0, 400)), min_size=1, max_size=50))
def test_who_waits_as_long_as_was_asked_is_admitted(
    user_rate: float, conversation_rate: float, steps: list[tuple[float, int]]
) -> None:
    rates, shared, now = Rates(user_rate, conversation_rate), Shared(), 5_000.0
    for pause_s, sends in steps:
        now += pause_s
        for _ in range(sends):
            if (wait_s := rates.admit("alice", ROOM, now)) is not None:
                assert 0 < wait_s <= 1 / min(user_rate, conversation_rate) + 1e-5
                if wait_s > 1e-3:
                    assert rates.admit("alice", ROOM, now + wait_s / 2) is not None
                now += wait_s
                tell(rates, shared, now)
                assert rates.admit("alice", ROOM, now) is None
                break


@given(RATES, st.lists(st.tuples(PAUSES, st.integers(0, 500), st.floats(0, 0.9 * LATE_S)), min_size=1, max_size=50))
def test_a_gateway_alone_is_not_corrected(rate: float, steps: list[tuple[float, int, float]]) -> None:
    by_itself, told, shared, now = Rates(rate, 0), Rates(rate, 0), Shared(), 5_000.0
    for pause_s, sends, way_s in steps:
        now += pause_s
        for _ in range(sends):
            assert (by_itself.admit("alice", ROOM, now) is None) == (told.admit("alice", ROOM, now) is None)
        tell(told, shared, now, way_s)
        now += way_s


def test_what_one_gateway_took_another_one_lacks_after_their_reports() -> None:
    one, two, shared = Rates(100, 0), Rates(100, 0), Shared()
    drain(one, 0)
    tell(one, shared, TICK_S)
    for _ in range(151):
        assert two.admit("alice", ROOM, TICK_S) is None
    tell(two, shared, TICK_S)

    wait_s = two.admit("alice", ROOM, TICK_S)

    assert wait_s == pytest.approx((151 - 10 + 1) / 100 - LATE_S)


def test_what_is_sent_while_a_report_is_on_its_way_is_taken_off_the_answer() -> None:
    one, two, shared = Rates(100, 0), Rates(100, 0), Shared()
    for _ in range(200):
        one.admit("alice", ROOM, 0)
        two.admit("alice", ROOM, 0)
    tell(two, shared, 0)
    report = one.report(0)
    for _ in range(50):
        one.admit("alice", ROOM, 0)
    one.correct(report, shared.debit(report.debits, 3_600))

    # The shared bucket owes 100, the 50 come on top.
    assert one.admit("alice", ROOM, 0) == pytest.approx((100 + 50 + 1) / 100 - LATE_S)


@given(
    st.sampled_from([1.0, 10.0, 100.0]),
    st.integers(2, 5),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 400)), min_size=1, max_size=150),
)
def test_several_gateways_go_over_by_what_each_takes_between_reports_and_by_a_hundredth(
    rate: float, gateways: int, ticks: list[tuple[int, int]]
) -> None:
    all_rates, shared, now, admitted = [Rates(rate, 0) for _ in range(gateways)], Shared(), 5_000.0, 0
    for gateway, sends in ticks:
        now += TICK_S
        for _ in range(sends):
            if all_rates[gateway % gateways].admit("alice", ROOM, now) is not None:
                break
            admitted += 1
        for rates in all_rates:
            tell(rates, shared, now)

    time_s = now - 5_000
    unheard = burst_of(rate) + rate * (LOOK_S + 2 * TICK_S) + rate * time_s * SLIGHT
    assert admitted <= burst_of(rate) + rate * (time_s + LATE_S) + (gateways - 1) * unheard


@pytest.mark.parametrize("gateways", [2, 8])
def test_over_a_minute_of_pressure_on_all_gateways_the_rate_holds(gateways: int) -> None:
    all_rates, shared, now, admitted = [Rates(100, 0) for _ in range(gateways)], Shared(), 5_000.0, 0
    for _ in range(600):
        now += TICK_S
        for rates in all_rates:
            admitted += drain(rates, now)
            tell(rates, shared, now)

    assert 100 * 60 <= admitted <= 300 + 100 * 60 + (gateways - 1) * 300 + 100 * LATE_S


def test_a_failed_report_leaves_each_gateway_to_itself() -> None:
    one, two = Rates(100, 0), Rates(100, 0)
    admitted, now = 0, 0.0
    for _ in range(100):
        now += TICK_S
        for rates in (one, two):
            admitted += drain(rates, now)
            rates.report(now)

    assert admitted == pytest.approx(2 * (300 + 100 * 10), abs=2 * 10 + 2)


def test_a_shared_bucket_that_was_lost_begins_where_the_gateway_stands() -> None:
    rates, shared = Rates(100, 0), Shared()
    drain(rates, 0)
    tell(rates, shared, 0)
    shared.levels.clear()
    drain(rates, TICK_S)
    tell(rates, shared, TICK_S)

    assert shared.levels["alice", 100][0] == pytest.approx(0, abs=1e-6)


def test_a_bucket_below_the_half_is_told_of_at_once_and_another_when_it_is_looked_at() -> None:
    rates = Rates(10, 1_000)
    for _ in range(14):
        rates.admit("alice", ROOM, 0)
    assert rates.report(0).debits == ()
    for _ in range(3):
        rates.admit("alice", ROOM, TICK_S)

    (alice,) = rates.report(TICK_S).debits
    (room,) = rates.report(LOOK_S).debits

    assert (alice.kind, alice.name, alice.rate, alice.burst, alice.used) == (Kind.USER, "alice", 10, 30, 17)
    assert alice.level == pytest.approx(30 - 17 + 1)
    assert (room.kind, room.name, room.used) == (Kind.CONVERSATION, str(ROOM), 17)


def test_what_was_told_is_not_told_again() -> None:
    rates = Rates(1, 0)
    drain(rates, 0)

    assert [debit.used for debit in rates.report(0).debits] == [3]
    assert rates.report(0).debits == ()
    assert rates.report(LOOK_S).debits == ()


def test_a_bucket_that_is_low_and_due_is_told_of_once() -> None:
    rates = Rates(10, 0)
    drain(rates, LOOK_S / 2)
    rates.admit("alice", ROOM, LOOK_S)

    (alice,) = rates.report(2 * LOOK_S).debits

    assert alice.used == 31


def test_a_bucket_that_is_full_again_is_told_of_as_no_more_than_full() -> None:
    rates = Rates(10, 0)
    for _ in range(5):
        rates.admit("alice", ROOM, 0)

    (alice,) = rates.report(LOOK_S).debits

    assert (alice.used, alice.level) == (5, 30)


def test_who_sends_at_the_pace_of_talk_is_never_told_of_and_soon_forgotten() -> None:
    rates = Rates(100, 5_000)
    for tick in range(300):
        if tick % 15 == 0:
            rates.admit("alice", ROOM, tick * TICK_S)
        assert rates.report(tick * TICK_S).debits == ()
        assert len(rates) == (2 if tick % 15 < 10 else 0)


def test_a_bucket_that_is_not_full_is_not_forgotten() -> None:
    rates = Rates(1, 0)
    drain(rates, 0)
    for second in (1, 2):
        rates.report(second)
        assert len(rates) == 1
    rates.report(3)

    assert len(rates) == 0


def test_past_the_bound_the_one_that_was_longest_not_looked_at_is_forgotten() -> None:
    rates = Rates(1, 0, max_buckets=100)
    for n in range(1_000):
        rates.admit(f"user {n}", ROOM, n / 1e6)
        assert len(rates) <= 100
    for n in range(900, 1_000):
        assert drain(rates, 0.001, f"user {n}") == 2

    assert drain(rates, 0.001, "user 0") == 3


def test_a_correction_of_a_forgotten_bucket_changes_nothing() -> None:
    rates = Rates(1, 0, max_buckets=1)
    drain(rates, 0)
    report = rates.report(0)
    rates.admit("bob", ROOM, 0)
    rates.correct(report, [-10.0])

    assert drain(rates, 0) == 3
