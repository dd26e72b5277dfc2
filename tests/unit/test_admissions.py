"""What a gateway measures of its newcomers, and how a crowd is spread by it. Time is an argument."""

import pytest

from services.heartbeat import fleet_of
from shared.bus.registry import Gateway, GatewayState
from shared.websocket.admissions import FIRST_RATE, FORGET_AT, LONGEST_SPREAD_S, Admissions, Fleet
from shared.websocket.draining import count_due


def admit(admissions: Admissions, many: int, each_s: float, now: float = 0.0) -> float:
    """Admit so many, one after the other; return when that is over."""
    for _ in range(many):
        admissions.began(now)
        now += each_s
        admissions.ended(now, is_welcome=True)
    return now


def test_nothing_measured_is_a_guess() -> None:
    assert Admissions().rate == FIRST_RATE


@pytest.mark.parametrize("rate", [50, 2_000])
def test_the_rate_comes_to_what_was_measured(rate: int) -> None:
    admissions = Admissions()

    admit(admissions, 3_000, 1 / rate)

    assert admissions.rate == pytest.approx(rate, rel=0.1)


def test_time_without_a_hello_does_not_count() -> None:
    admissions = Admissions()

    now = admit(admissions, 1_000, 0.001)
    admit(admissions, 1_000, 0.001, now + 3_600)

    assert admissions.rate == pytest.approx(1_000, rel=0.1)


def test_those_who_wait_at_the_same_time_take_their_time_together() -> None:
    admissions = Admissions()
    for _ in range(1_000):
        admissions.began(0.0)

    for n in range(1_000):
        admissions.ended((n + 1) / 1_000, is_welcome=True)

    assert admissions.rate == pytest.approx(1_000, rel=0.1)


def test_a_refusal_that_took_long_is_no_measure() -> None:
    admissions = Admissions()
    admissions.began(0.0)

    admissions.ended(60.0, is_welcome=False)
    admissions.began(60.0)
    admissions.ended(60.0 + 1 / FIRST_RATE, is_welcome=True)

    assert admissions.rate == pytest.approx(FIRST_RATE)


def test_a_gateway_that_became_slow_is_known_for_it_soon() -> None:
    admissions = Admissions()
    now = admit(admissions, 100_000, 0.0005)

    admit(admissions, 2 * FORGET_AT, 0.01, now)

    assert admissions.rate < 200


@pytest.mark.parametrize(
    ("sockets", "others", "spread_s"), [(1_000, 0, 2.0), (1_000, 1, 2.0), (1_000, 4, 0.5), (10**6, 1, 30.0)]
)
def test_a_crowd_is_spread_over_what_the_others_need(sockets: int, others: int, spread_s: float) -> None:
    admissions = Admissions()
    admissions.fleet = Fleet(others)

    assert admissions.spread_s(sockets) == pytest.approx(spread_s)
    assert LONGEST_SPREAD_S == 30.0


def test_who_comes_first_to_a_gateway_is_told_of_the_crowd_that_comes_after() -> None:
    admissions = Admissions()
    admissions.fleet = Fleet(1, mean_connections=5_000)

    assert admissions.reconnect(1) == {"spread_s": 10.0}


def test_only_those_that_serve_are_of_the_fleet() -> None:
    pool = [
        gateway("a", GatewayState.READY, 10),
        gateway("b", GatewayState.READY, 30),
        gateway("c", GatewayState.DRAINING, 500),
    ]

    assert fleet_of("a", pool) == Fleet(1, 20.0)
    assert fleet_of("c", pool) == Fleet(2, 20.0)
    assert fleet_of("a", []) == Fleet(0, 0.0)


def gateway(name: str, state: GatewayState, connections: int) -> Gateway:
    return Gateway(name, "127.0.0.1", 1, state, connections, 15_000)


@pytest.mark.parametrize(
    ("total", "elapsed_s", "spread_s", "due"),
    [(0, 0, 0, 0), (5, 0, 0, 5), (5, 0, 10, 1), (5, 5, 10, 3), (5, 9.99, 10, 5), (5, 10, 10, 5), (5_000, 1, 4, 1_251)],
)
def test_they_are_told_evenly_and_the_first_at_once(total: int, elapsed_s: float, spread_s: float, due: int) -> None:
    assert count_due(total, elapsed_s, spread_s) == due
