"""Which gateways take new connections."""

from ipaddress import IPv4Address

import pytest

from router.pool import Pool
from router.ring import NoGateway
from shared.bus.registry import Gateway, GatewayState

CLIENT = IPv4Address("10.0.0.7")
READY, NOT_READY, DRAINING = GatewayState.READY, GatewayState.NOT_READY, GatewayState.DRAINING


def gateway(name: str, state: GatewayState = READY, connections: int = 0, capacity: int = 1000) -> Gateway:
    return Gateway(name, "127.0.0.1", 1, state, connections, capacity)


def pool(*gateways: Gateway) -> Pool:
    made = Pool("read", 0.25)
    made.learn(gateways, 0.0)
    return made


def order(p: Pool, client: IPv4Address = CLIENT) -> list[str]:
    return [g.name for g in p.order(client)]


def test_an_empty_pool_has_no_gateway() -> None:
    with pytest.raises(NoGateway):
        pool().order(CLIENT)


@pytest.mark.parametrize("state", [NOT_READY, DRAINING])
def test_a_gateway_that_says_so_gets_no_new_connections(state: GatewayState) -> None:
    p = pool(gateway("a"), gateway("b"), gateway("c"))

    p.learn([gateway("a"), gateway("b", state), gateway("c")], 1.0)

    assert sorted(order(p)) == ["a", "c"]


def test_absence_from_the_registry_removes_nobody_whose_probe_answers() -> None:
    p = pool(gateway("a"), gateway("b"), gateway("c"))

    asked = p.learn([gateway("a"), gateway("c")], 1.0)

    assert [g.name for g in asked] == ["b"]
    assert sorted(order(p)) == ["a", "b", "c"]
    p.gone("b", 1.0)
    assert sorted(order(p)) == ["a", "c"]


def test_a_probe_that_fails_removes_nobody_whom_the_registry_lists() -> None:
    p = pool(gateway("a"), gateway("b"))

    p.gone("b", 1.0)

    assert sorted(order(p)) == ["a", "b"]


def test_losing_most_of_a_pool_at_once_keeps_the_table() -> None:
    p = pool(gateway("a"), gateway("b"), gateway("c"))

    p.learn([gateway("a", NOT_READY), gateway("b", NOT_READY), gateway("c")], 1.0)

    assert p.is_frozen
    assert sorted(order(p)) == ["a", "b", "c"]


def test_a_slow_loss_of_most_of_a_pool_is_believed() -> None:
    p = pool(gateway("a"), gateway("b"), gateway("c"), gateway("d"))

    p.learn([gateway("a"), gateway("b"), gateway("c", NOT_READY), gateway("d", NOT_READY)], 1.0)
    p.learn([gateway("a"), gateway("b", NOT_READY), gateway("c", NOT_READY), gateway("d", NOT_READY)], 12.0)

    assert order(p) == ["a"]


def test_the_last_gateway_is_kept_though_it_is_not_ready() -> None:
    p = pool(gateway("a"))

    p.learn([gateway("a", DRAINING)], 1.0)

    assert order(p) == ["a"]


def test_a_full_gateway_comes_last() -> None:
    p = pool(gateway("a", connections=500), gateway("b", connections=10), gateway("c", connections=10))

    assert order(p)[-1] == "a"


def test_small_numbers_divert_nobody() -> None:
    p = pool(gateway("a", connections=40), gateway("b"), gateway("c"))
    clients = [IPv4Address(f"10.0.1.{n}") for n in range(100)]

    assert any(order(p, client)[0] == "a" for client in clients)


def test_what_was_sent_since_the_heartbeat_counts() -> None:
    p = pool(gateway("a", capacity=3), gateway("b", capacity=3))
    chosen = order(p)[0]
    for _ in range(3):
        p.opened(chosen)

    assert order(p)[0] != chosen


def test_a_gateway_at_its_capacity_is_still_tried_last() -> None:
    p = pool(gateway("a", connections=3, capacity=3))

    assert order(p) == ["a"]
