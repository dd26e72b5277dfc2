"""The pages and drawings of the scaling report and of the connections that are held."""

from collections.abc import Mapping
from xml.etree import ElementTree

from tests.bench.curve import Curve, Panel, draw_panels
from tests.bench.hold_page import Held, make_page
from tests.bench.ramp import KNEE_MS, Ramp, Step
from tests.bench.scaling_page import HALLS, PAIRS, Found, draw_scaling, write_scaling

MACHINE: Mapping[str, object] = {"cores": 2}
SVG = "{http://www.w3.org/2000/svg}"


def step(asked: float, push_ms: float, *, refused: int = 0, read: float = 0.1) -> Step:
    cores = {"load": 0.5, "read": read, "write": 0.2, "router": 0.0}
    return Step(asked, asked, 100 * asked, refused, (1.0, 2.0), (1.0, push_ms), cores)


def ramp(load: str, read: int, share: float | None, *steps: Step) -> Ramp:
    return Ramp(load, read, 1, share, steps)


FOUND = Found(
    MACHINE,
    {"python": "3.13"},
    2_000,
    [
        ramp(HALLS, 1, 0.15, step(20, 5), step(40, 10), step(80, 2 * KNEE_MS)),
        ramp(HALLS, 2, 0.15, step(20, 5), step(40, 10), step(80, 20)),
        ramp(HALLS, 1, None, step(20, 5, read=0.1), step(120, 10, read=0.6)),
        ramp(PAIRS, 1, None, step(200, 5), step(1_200, 10, refused=1)),
    ],
)


def test_the_knee_is_the_last_step_that_was_carried() -> None:
    late, refused, whole = FOUND.ramps[0], FOUND.ramps[3], FOUND.ramps[1]

    assert (late.knee, late.is_bent) == (1, True)
    assert (refused.knee, refused.is_bent) == (0, True)
    assert (whole.knee, whole.is_bent) == (2, False)
    assert ramp(HALLS, 1, None, step(20, 2 * KNEE_MS)).knee is None


def test_the_page_tells_what_one_more_gateway_added() -> None:
    page = write_scaling(FOUND)

    assert "| halls | read: 15% of a core | 1 | 1 | 40 | 4,000 | 1.00 × | 1.0, 10.0 | at the next step |" in page
    assert "| halls | read: 15% of a core | 2 | 1 | 80 | 8,000 | 2.00 × | 1.0, 20.0 | not yet: the steps end there |" in page


def test_the_model_has_the_slope_of_the_ramps_without_a_bound() -> None:
    page = write_scaling(FOUND)

    assert "| read | 50.0 |" in page  # 0.5 cores more for 10,000 deliveries more
    assert "## Where two cores end" in page


def test_the_drawing_is_well_formed_and_stays_in_its_panels() -> None:
    drawing = ElementTree.fromstring(draw_scaling(FOUND))

    width = float(drawing.attrib["width"])
    places = [tuple(map(float, p.split(","))) for line in drawing.iter(f"{SVG}polyline") for p in line.attrib["points"].split()]
    assert len(places) == sum(len(one.steps) for one in FOUND.ramps)
    assert all(0 < x < width for x, _ in places)


def test_a_panel_without_points_is_drawn_too() -> None:
    ElementTree.fromstring(draw_panels("Nothing <yet>", [Panel("empty & so on", "x", "y", [Curve("none", [])])]))


def test_the_page_of_held_connections_says_what_one_costs_beside_the_fields_mark() -> None:
    names = (
        "connections conversations members_each making_s connect_s attempts_failed fullest_gateway emptiest_gateway user_bytes "
        "kernel_socket_bytes kernel_both_ends_bytes socket_buffers_bytes gateways_whole_mib other_servers_mib swarm_mib "
        "taken_from_available_mib cpu_idle_read cpu_idle_swarm cpu_chat_read sends deliveries ack_ms_p50 ack_ms_p99 "
        "push_ms_p50 push_ms_p99 killed_with back_s back_ms_p50 back_ms_p99 tries_failed fullest_after emptiest_after "
        "all_sends all_deliveries seconds"
    )
    figures = dict.fromkeys(names.split(), 1.0) | {"connections": 95_000, "user_bytes": 5_000, "kernel_socket_bytes": 3_000}
    options = {"read": 8, "processes": 6, "each": 3, "rate": 50, "seconds": 20}

    page = make_page(Held(MACHINE, {}, options, figures))

    assert page.startswith("# 95,000 WebSocket connections, held")
    assert "**8,000 bytes a connection** on the server: 5,000 in the gateways and 3,000 in the kernel" in page
    assert "160,000 bytes a connection: 20 times as much" in page
