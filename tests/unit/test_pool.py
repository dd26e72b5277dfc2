"""Which gateways take new connections."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.health import State
from router.pool import FORGET_S, Pool, Share
from router.ring import NoGateway
from router.table import Shape, make_table
from shared.bus.registry import Gateway, GatewayState

CLIENT = IPv4Address("10.0.0.7")
CLIENTS = [IPv4Address(f"10.0.1.{n}") for n in range(200)]
A, N, G, D = State.ACTIVE, State.NOT_READY, State.DRAINING, State.DOWN
SHAPE = Shape(buckets=4096, points=64)


def gateway(name: str, connections: int = 0, capacity: int = 1000, weight: int = 1, port: int = 0) -> Gateway:
    return Gateway(name, "127.0.0.1", port or hash(name), GatewayState.READY, connections, capacity, weight)


def draining(name: str) -> Gateway:
    return Gateway(name, "127.0.0.1", hash(name), GatewayState.DRAINING, 0, 1000)


def settle(p: Pool, now: float) -> None:
    """Do what the watch does."""
    wanted = p.wanted(now)
    if wanted != p.table.ring.weights:
        p.adopt(make_table(wanted, p.shape), now)


def look(p: Pool, now: float, times: int = 1, **found: State) -> None:
    """Look so many times, half a second apart; who is not in *found* is active."""
    for n in range(times):
        p.look({name: found.get(name, A) for name in p.known}, now + n / 2)
        settle(p, now + n / 2)


def pool(*gateways: Gateway) -> Pool:
    made = Pool("read", 0.25, SHAPE)
    made.learn(gateways, 0.0)
    look(made, 0.0)
    return made


def three() -> list[Gateway]:
    return [gateway("a"), gateway("b"), gateway("c")]


def order(p: Pool, client: IPv4Address = CLIENT) -> list[str]:
    return [g.name for g in p.order(client)]


def test_an_empty_pool_has_no_gateway() -> None:
    with pytest.raises(NoGateway):
        pool().order(CLIENT)


def test_who_is_listed_gets_nothing_before_it_was_looked_at() -> None:
    p = pool(gateway("a"))

    is_new = p.learn([gateway("a"), gateway("b")], 1.0)
    settle(p, 1.0)

    assert is_new
    assert order(p) == ["a"]
    look(p, 1.5)
    assert sorted(order(p)) == ["a", "b"]


@pytest.mark.parametrize(("found", "looks"), [(N, 3), (G, 1), (D, 3)])
def test_a_gateway_that_cannot_serve_gets_no_new_connections(found: State, looks: int) -> None:
    p = pool(*three())

    look(p, 1.0, looks - 1, b=found)
    assert sorted(order(p)) == ["a", "b", "c"]
    look(p, 2.0, 1, b=found)

    assert sorted(order(p)) == ["a", "c"]


def test_draining_is_believed_when_the_registry_says_it_whatever_a_look_finds() -> None:
    p = pool(*three())

    p.learn([gateway("a"), draining("b"), gateway("c")], 1.0)
    settle(p, 1.0)
    assert sorted(order(p)) == ["a", "c"]
    look(p, 2.0, 5)

    assert sorted(order(p)) == ["a", "c"]


def test_one_that_drained_and_went_is_forgotten_and_one_that_died_is_kept_a_while() -> None:
    p = pool(gateway("a"), gateway("b"), gateway("c"), gateway("d"))
    p.learn([gateway("a"), gateway("b"), draining("c"), gateway("d")], 1.0)
    look(p, 1.0, 3, c=D, d=D)
    p.learn([gateway("a"), gateway("b")], 3.0)

    look(p, 3.0, 1, c=D, d=D)
    assert sorted(p.known) == ["a", "b", "d"]
    assert p.dead == {"d"}
    look(p, 3.0 + FORGET_S, 1, d=D)

    assert sorted(p.known) == ["a", "b"]


def test_absence_from_the_registry_removes_nobody_whose_probe_answers() -> None:
    p = pool(*three())

    p.learn([], 1.0)
    look(p, 1.0, 200)

    assert sorted(order(p)) == ["a", "b", "c"]
    assert len(p.changes) == 1


def test_a_place_that_another_gateway_took_is_not_looked_at_under_the_old_name() -> None:
    p = pool(gateway("a", port=1), gateway("b", port=2))

    p.learn([gateway("a", port=1), gateway("new", port=2)], 1.0)
    look(p, 1.0)

    assert sorted(order(p)) == ["a", "new"]


@pytest.mark.parametrize("found", [N, D])
def test_losing_most_of_a_pool_at_once_keeps_the_table_and_resets_nobody(found: State) -> None:
    p = pool(*three())

    look(p, 1.0, 4, a=found, b=found)

    assert p.is_frozen
    assert p.dead == frozenset()
    assert p.table.names == ("a", "b", "c")
    assert len(p.changes) == 1


def test_losing_all_keeps_the_table_for_as_long_as_it_takes() -> None:
    p = pool(*three())

    look(p, 1.0, 1000, a=N, b=N, c=N)

    assert p.table.names == ("a", "b", "c")
    look(p, 600.0, 2)
    assert not p.is_frozen
    assert len(p.changes) == 1


def test_those_lost_one_by_one_share_the_503s_and_come_back_together() -> None:
    p = pool(gateway("a"), gateway("b"))

    look(p, 1.0, 3, a=N)
    assert set(p.table.names) == {"b"}
    look(p, 3.0, 3, a=N, b=N)
    assert set(p.table.names) == {"a", "b"}
    look(p, 100.0, 2, b=N)
    assert set(p.table.names) == {"a", "b"}
    look(p, 101.0, 2)

    assert not p.is_frozen
    assert len(p.changes) == 3


def test_most_of_a_pool_that_stays_dead_is_believed_after_a_while() -> None:
    p = pool(*three())

    look(p, 1.0, 30, a=D, b=D)

    assert order(p) == ["c"]
    assert p.dead == {"a", "b"}


def test_who_drains_leaves_even_a_frozen_table_unless_nobody_would_remain() -> None:
    p = pool(*three())
    look(p, 1.0, 3, a=N, b=N, c=N)

    look(p, 3.0, 1, a=N, b=N, c=G)
    assert p.table.names == ("a", "b")
    look(p, 4.0, 1, a=G, b=G, c=G)

    assert p.table.names == ("a", "b")


def test_where_all_of_the_table_is_down_who_answers_takes_over_at_once() -> None:
    p = pool(gateway("a"))
    p.learn([gateway("a"), gateway("b")], 1.0)
    look(p, 1.0, 3, b=D)

    look(p, 3.0, 3, a=D, b=N)
    assert order(p) == ["a"]
    look(p, 5.0, 1, a=D)

    assert order(p) == ["b"]


def test_a_router_that_starts_while_nobody_is_ready_sends_to_who_answers() -> None:
    p = Pool("read", 0.25, SHAPE)
    p.learn(three(), 0.0)

    look(p, 0.0, 1, a=N, b=N, c=D)
    assert sorted(order(p)) == ["a", "b"]
    look(p, 1.0, 2, b=N, c=D)

    assert order(p) == ["a"]


def test_one_that_is_held_out_is_tried_when_all_others_refuse() -> None:
    p = pool(gateway("a"), gateway("b"))
    for n in range(3):
        look(p, n * 10.0, 3, b=D)
        look(p, n * 10.0 + 5, 2)

    assert p.table.names == ("a",)
    assert order(p) == ["a", "b"]


def test_only_the_lost_gateways_clients_are_sent_elsewhere() -> None:
    p = pool(*three())
    before = {client: order(p, client) for client in CLIENTS}

    look(p, 1.0, 3, b=D)

    for client in CLIENTS:
        assert order(p, client) == [name for name in before[client] if name != "b"]
    change = p.changes[-1]
    assert (change.joined, change.left) == ((), ("b",))
    assert change.least == pytest.approx(1 / 3)
    assert change.moved == pytest.approx(1 / 3, rel=0.3)


def test_a_full_gateway_comes_last() -> None:
    p = pool(gateway("a", 500), gateway("b", 10), gateway("c", 10))

    assert order(p)[-1] == "a"
    assert p.is_full("a")
    assert not p.is_full("b")


def test_a_heavier_gateway_may_have_more() -> None:
    p = pool(gateway("a", 300), gateway("b", 300, weight=2))

    assert p.is_full("a")
    assert not p.is_full("b")


def test_small_numbers_divert_nobody() -> None:
    p = pool(gateway("a", 40), gateway("b"), gateway("c"))

    assert any(order(p, client)[0] == "a" for client in CLIENTS)


def test_what_was_opened_and_closed_since_the_heartbeat_counts() -> None:
    p = pool(gateway("a", capacity=3), gateway("b", capacity=3))
    chosen = order(p)[0]
    for _ in range(3):
        p.opened(chosen)
    assert order(p)[0] != chosen

    p.closed(chosen)
    assert order(p)[0] == chosen


def test_a_heartbeat_counts_ours_in_and_the_same_one_read_again_does_not() -> None:
    p = pool(gateway("a"))
    for _ in range(5):
        p.opened("a")
    p.learn([gateway("a")], 1.0)
    assert p.known["a"].load == 5

    p.learn([gateway("a", 5)], 2.0)
    assert p.known["a"].load == 5


def test_a_gateway_at_its_capacity_is_still_tried_last() -> None:
    assert order(pool(gateway("a", 3, capacity=3))) == ["a"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([A, N, G, D])), max_size=80))
def test_whatever_is_found_a_pool_that_served_goes_on_serving(looks: list[tuple[str, State]]) -> None:
    p = pool(*(gateway(name) for name in "abcd"))
    for n, (name, found) in enumerate(looks):
        look(p, 1.0 + n / 2, 1, **{name: found})

        assert order(p)
        assert set(p.table.names) <= p.known.keys()


def test_who_refused_is_tried_last_until_a_look_finds_it_well() -> None:
    p = pool(*three())
    first, *others = order(p)

    p.refused(first)
    assert order(p) == [*others, first]

    p.look({first: D}, 1.0)
    assert order(p) == [*others, first]

    look(p, 1.5)
    assert order(p) == [first, *others]


def test_when_all_have_refused_they_are_tried_in_their_order() -> None:
    p = pool(*three())
    before = order(p)

    for name in before:
        p.refused(name)

    assert order(p) == before


def test_what_other_processes_of_the_router_have_there_counts() -> None:
    p = pool(*three())
    first, *others = order(p)

    p.add_up({first: Share(open=100, since_heard=90)})
    assert p.known[first].load == 90
    assert order(p) == [*others, first]

    p.add_up({})
    assert order(p) == [first, *others]
