"""The page and the chart of a benchmark."""

from xml.etree import ElementTree

from tests.bench.chart import BARS_AT, BARS_WIDTH, WIDTH, draw
from tests.bench.document import OURS, Document, Unit, make_row
from tests.bench.page import write_page
from tests.bench.rounds import Busy

RATE = Unit("sends/s", is_higher_better=True)
DELAY = Unit("ms", is_higher_better=False)
ROWS = [
    make_row("flat out & <many>", RATE, {OURS: [100, 120], "peer": [50, 40]}),
    make_row("alone", DELAY, {OURS: [0, 0]}),
    make_row("both", DELAY, {OURS: [2, 2], "peer": [3, 3]}),
]


def test_the_chart_is_well_formed_and_names_every_row() -> None:
    chart = ElementTree.fromstring(draw("A title", ROWS))

    words = ["".join(element.itertext()) for element in chart.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A title", "flat out & <many>", "alone", "both", OURS, "peer"} <= set(words)
    assert "sends/s (higher is better)" in words
    assert "ms (lower is better)" in words


def test_the_longest_bar_of_a_unit_fills_the_space_and_none_leaves_the_picture() -> None:
    chart = ElementTree.fromstring(draw("A title", ROWS))

    ends = [float(path.attrib["d"].rpartition("H")[2]) for path in chart.iter("{http://www.w3.org/2000/svg}path")]
    assert max(ends) == BARS_AT + BARS_WIDTH
    assert all(end < WIDTH for end in ends)


def test_the_page_has_a_line_for_each_row_with_its_ratio() -> None:
    document = Document({"cores": 2}, {"python": "3.11"}, ROWS)

    page = write_page("first", "A title", "About it.", document, {"one": {OURS: Busy(0.5, 0.25, 0.01)}})

    assert "| flat out & <many> | sends/s | 110 (100–120) | peer | 45 (40–50) | 2.5 (2–3) |" in page
    assert "| alone | ms | 0 (0–0) |  |  |  |" in page
    assert "| one | 50% / 25% / 1% |" in page
    assert "![The rows as bars](first.svg)" in page


def test_each_further_peer_of_a_row_has_a_line_of_its_own() -> None:
    row = make_row("two", RATE, {OURS: [6], "one": [3], "other": [2]})

    page = write_page("first", "A title", "About it.", Document({}, {}, [row]), {})

    assert "| two | sends/s | 6 (6–6) | one | 3 (3–3) | 2 (2–2) |\n|  |  |  | other | 2 (2–2) | 3 (3–3) |" in page


def test_the_page_says_where_the_load_was_at_its_limit() -> None:
    busy = {"wide": {OURS: Busy(1.0, 0.95, 0.0), "peer": Busy(1.0, 0.5, 0.0)}, "narrow": {OURS: Busy(1.0, 0.2, 0.0)}}

    full = write_page("first", "A title", "About it.", Document({}, {}, ROWS), busy)
    spare = write_page("first", "A title", "About it.", Document({}, {}, ROWS), {"narrow": busy["narrow"]})

    assert "may be what sets the rate, in: *wide* (ours)." in full
    assert "it had room to spare" in spare
