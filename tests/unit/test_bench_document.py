"""What a benchmark writes: ratios that say who is better, figures that are figures."""

import json
import math

import pytest

from tests.bench.document import OURS, Document, Row, Spread, Unit, make_row, to_json

RATE = Unit("sends/s", is_higher_better=True)
DELAY = Unit("ms", is_higher_better=False)


@pytest.mark.parametrize(
    ("unit", "ours", "peer", "ratio"),
    [(RATE, 300.0, 100.0, 3.0), (RATE, 50.0, 100.0, 0.5), (DELAY, 2.0, 10.0, 5.0), (DELAY, 10.0, 2.0, 0.2)],
)
def test_a_ratio_above_one_says_that_ours_is_better_whatever_the_unit(
    unit: Unit, ours: float, peer: float, ratio: float
) -> None:
    assert make_row("row", unit, {OURS: [ours], "peer": [peer]}).ratio["peer"].median == pytest.approx(ratio)


def test_a_ratio_is_taken_within_a_round() -> None:
    row = make_row("row", RATE, {OURS: [100, 10, 30], "peer": [50, 1, 10]})

    assert row.ratio["peer"] == Spread(median=3.0, min=2.0, max=10.0)
    assert row.ours == Spread(median=30, min=10, max=100)


def test_two_zeros_are_equal() -> None:
    assert make_row("row", DELAY, {OURS: [0, 0], "peer": [0, 0]}).ratio["peer"] == Spread(1, 1, 1)


@pytest.mark.parametrize(("unit", "ours", "peer"), [(RATE, 1.0, 0.0), (DELAY, 0.0, 1.0)])
def test_a_ratio_that_would_be_infinite_is_left_out(unit: Unit, ours: float, peer: float) -> None:
    row = make_row("row", unit, {OURS: [2.0, ours], "peer": [1.0, peer]})

    assert row.ratio == {}
    assert set(row.peers) == {"peer"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_figure_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        make_row("row", RATE, {OURS: [1.0, value]})


def test_a_system_that_missed_a_round_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        make_row("row", RATE, {OURS: [1.0, 2.0], "peer": [1.0]})


def test_the_file_has_the_shape_that_readers_expect() -> None:
    row = make_row("POST sends", RATE, {OURS: [12345.678, 3.0], "FastAPI tutorial": [1.0, 1.5]})

    told = json.loads(to_json(Document({"cores": 2}, {"python": "3.11"}, [row])), parse_constant=pytest.fail)

    assert set(told) == {"machine", "versions", "rows"}
    assert told["rows"][0] == {
        "name": "POST sends",
        "unit": "sends/s",
        "ours": {"median": 6174, "min": 3, "max": 12350},
        "peers": {"FastAPI tutorial": {"median": 1.25, "min": 1, "max": 1.5}},
        "ratio": {"FastAPI tutorial": {"median": 6174, "min": 2, "max": 12350}},
    }


def test_the_file_never_holds_what_is_not_json() -> None:
    row = Row("row", RATE, Spread(math.inf, 0, 0), {}, {})

    with pytest.raises((ValueError, OverflowError)):
        to_json(Document({}, {}, [row]))
