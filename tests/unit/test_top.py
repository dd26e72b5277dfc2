"""What `ringpost top` makes of two looks."""

import math

from rich.console import Console

from deploy.looking.scrape import Scrape, add_up, between, quantile
from deploy.looking.system import Router, Seen, System, Told
from deploy.top.output import draw
from deploy.top.view import compare
from router.status import GatewayStatus, PoolStatus, RingStatus, RouterStatus
from router.table import Shape

INF = math.inf
STATUS = GatewayStatus("both-1", "10.0.0.1:8080", "active", 60.0, True, False, 0.0, 1, 1.0, 5, 5, 64, 15_000)
TEXT = """
ringpost_unix_seconds {unix}
process_start_time_seconds 1000
process_cpu_seconds_total {cpu}
ringpost_connections 42
ringpost_write_outcomes_total{{status="stored"}} {stored}
ringpost_write_outcomes_total{{status="duplicate"}} 9
ringpost_read_deliveries_total {deliveries}
ringpost_write_ack_seconds_bucket{{le="0.1"}} {fast}
ringpost_write_ack_seconds_bucket{{le="1.0"}} {stored}
ringpost_write_ack_seconds_bucket{{le="+Inf"}} {stored}
"""


def look(at: float, *, stored: float, deliveries: float = 0, fast: float = 0, cpu: float = 0, is_away: bool = False) -> System:
    text = TEXT.format(unix=1000 + at, stored=stored, deliveries=deliveries, fast=fast, cpu=cpu)
    told = None if is_away else Told(True, (), (), Scrape(text, at), 0.0)
    pool = PoolStatus("read", "0123456789abcdef", False, 0.25, [STATUS], [], RingStatus([], [], []))
    status = RouterStatus("router-1", "1", "relay", 60.0, "registry", True, (), Shape(), [pool])
    router = Router("router-1", "http://r", status, None)
    return System(at, [router], [Seen(STATUS.name, STATUS.address, ("read", "write"), STATUS, told)])


def test_rates_and_delays_are_those_between_two_looks() -> None:
    before = look(10.0, stored=100, deliveries=1000, fast=100, cpu=5.0)
    view = compare(before, look(20.0, stored=300, deliveries=6000, fast=200, cpu=10.0))
    (gateway,) = view.gateways

    assert (view.sends, view.deliveries, view.over_s) == (20.0, 500.0, 10.0)
    assert (gateway.sends, gateway.deliveries, gateway.cpu, gateway.connections) == (20.0, 500.0, 0.5, 42)
    assert view.delays["send to ack"].p50 == 0.1
    assert view.delays["send to ack"].p99 == 0.1 + 0.9 * 0.98
    assert view.delays["commit"].p99 is None


def test_a_process_that_began_anew_counts_from_nothing() -> None:
    view = compare(look(10.0, stored=1000, fast=1000), look(12.0, stored=8, fast=8))

    assert view.sends == 4.0
    assert view.delays["send to ack"].p99 is not None
    assert view.delays["send to ack"].p99 <= 0.1


def test_one_look_alone_tells_of_the_time_since_the_start() -> None:
    view = compare(None, look(50.0, stored=100))

    assert view.over_s is None
    assert view.sends == 2.0


def test_who_does_not_answer_is_shown_as_the_router_sees_it() -> None:
    view = compare(None, look(50.0, stored=100, is_away=True))
    (gateway,) = view.gateways

    assert (gateway.state, gateway.notes, gateway.connections, gateway.sends) == ("active", ["does not answer us"], 5, None)


def test_a_router_that_does_not_answer_is_a_line_of_the_frame() -> None:
    system = System(1.0, [Router("r", "http://r:1", None, None, "refused")], [])
    console = Console(record=True, width=120)
    console.print(draw(compare(None, system), at="12:00:00"))

    assert "router at http://r:1 does not answer: refused" in console.export_text()


def test_quantiles_are_where_prometheus_has_them() -> None:
    assert quantile({1.0: 0, 2.0: 100, INF: 100}, 0.5) == 1.5
    assert quantile({1.0: 50, INF: 100}, 0.99) == 1.0
    assert quantile({1.0: 0, INF: 0}, 0.5) is None
    assert quantile({}, 0.5) is None
    assert between({1.0: 5, INF: 9}, {1.0: 7, INF: 12}) == {1.0: 2, INF: 3}
    assert add_up([{1.0: 5}, {1.0: 7}]) == {1.0: 12}
