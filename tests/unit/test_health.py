"""What is believed of a gateway: a table of looks, and what they must not do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.health import Health, HealthPolicy, State

A, N, G, D = State.ACTIVE, State.NOT_READY, State.DRAINING, State.DOWN
POLICY = HealthPolicy(rise=2, fall=3, falls=3, window_s=300, hold_s=10, most_hold_s=40)


def looked_at(*found: State, health: Health | None = None, start: float = 0.0) -> Health:
    health = health or Health(POLICY, found[0], start)
    for n, state in enumerate(found):
        health.look(state, start + n)
    return health


@pytest.mark.parametrize(
    ("found", "believed"),
    [
        ([A], A),
        ([D], D),
        ([A, D, D], A),
        ([A, D, D, D], D),
        ([A, D, D, A, D, D], A),
        ([A, N, N, N], N),
        ([A, N, D, N], N),
        ([A, D, N, D], N),
        ([A, N, N, N, D, D, D], D),
        ([D, A], N),
        ([D, A, A], A),
        ([D, A, D, A], N),
        ([D, N], N),
        ([A, G], G),
        ([A, G, D, D, D, D], G),
        ([A, G, A], G),
        ([A, G, A, A], A),
    ],
)
def test_looks_lead_to_beliefs(found: list[State], believed: State) -> None:
    assert looked_at(*found).state is believed


def flapping(times: int) -> tuple[Health, float]:
    """Return a gateway that fell so many times, and when it fell last."""
    health, now, fell = Health(POLICY, A, 0.0), 0.0, 0.0
    for _ in range(times):
        while health.state is not A:
            now += 1
            health.look(A, now)
        for _ in range(3):
            now += 1
            health.look(D, now)
        fell = now
    return health, fell


@pytest.mark.parametrize(("falls", "held_s"), [(1, 0), (2, 0), (3, 10), (4, 20), (5, 40), (6, 40)])
def test_who_falls_again_and_again_is_held_out_for_longer(falls: int, held_s: float) -> None:
    health, fell = flapping(falls)

    back = 0
    while health.state is not A:
        back += 1
        health.look(A, fell + back)

    assert back == max(held_s, POLICY.rise)


def test_falls_of_long_ago_are_forgotten() -> None:
    health, fell = flapping(2)
    looked_at(A, A, health=health, start=fell + 400)
    looked_at(D, D, D, A, A, health=health, start=fell + 410)

    assert health.state is A


def test_draining_is_no_fall() -> None:
    health = Health(POLICY, A, 0.0)
    for n in range(10):
        looked_at(G, A, A, health=health, start=n * 10.0)

    assert health.state is A


@given(st.lists(st.sampled_from([A, N, G, D]), min_size=1, max_size=60))
def test_a_belief_needs_its_looks(found: list[State]) -> None:
    health, before = Health(POLICY, found[0], 0.0), found[0]
    for n, state in enumerate(found):
        health.look(state, float(n))
        if health.state is not before:
            enough = {A: POLICY.rise, D: POLICY.fall, G: 1, N: 1}[health.state]
            assert found[: n + 1][-enough:].count(health.state) == enough or health.state is N
            before = health.state
