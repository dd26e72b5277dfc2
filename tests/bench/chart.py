"""The rows as an SVG, written as text: the rows of a unit share a scale, each system has a bar. A pure core."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.bench.document import OURS, Row, Spread, Unit
from tests.bench.figures import show

WIDTH, MARGIN, BARS_AT, BARS_WIDTH = 960, 24, 350, 400
BAR, GAP, ROW_GAP, HEADING = 11, 2, 9, 34
COLOURS = ("#1f6feb", "#bf8700", "#8250df", "#1a7f37", "#cf222e", "#57606a")
_FONT = "font-family=\"system-ui, 'DejaVu Sans', sans-serif\""


@dataclass(frozen=True, slots=True)
class _Bar:
    system: str
    spread: Spread
    words: str


def draw(title: str, rows: Sequence[Row]) -> str:
    """Return the chart: a bar is the median, the line through its end goes from the lowest round to the highest."""
    colours = _colours(rows)
    parts, y = [_text(MARGIN, 30, title, size=17, weight="bold"), *_legend(colours)], 62.0
    for unit, group in _by_unit(rows).items():
        y += HEADING
        better = "higher" if unit.is_higher_better else "lower"
        parts.append(_text(MARGIN, y - 10, f"{unit.name} ({better} is better)", size=13, weight="bold"))
        scale = BARS_WIDTH / (max(bar.spread.max for row in group for bar in _bars(row)) or 1.0)
        for row in group:
            parts += _row(row, y, scale, colours)
            y += len(_bars(row)) * (BAR + GAP) + ROW_GAP
    height = y + MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" {_FONT}>'
    background = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    return "\n".join((head, background, *parts, "</svg>")) + "\n"


def _by_unit(rows: Sequence[Row]) -> Mapping[Unit, list[Row]]:
    groups: dict[Unit, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.unit, []).append(row)
    return groups


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    systems = dict.fromkeys([OURS, *(peer for row in rows for peer in row.peers)])
    return {system: COLOURS[n % len(COLOURS)] for n, system in enumerate(systems)}


def _bars(row: Row) -> list[_Bar]:
    bars = [_Bar(OURS, row.ours, show(row.ours.median))]
    for peer, spread in row.peers.items():
        ratio = f"  (ratio {show(row.ratio[peer].median)})" if peer in row.ratio else ""
        bars.append(_Bar(peer, spread, show(spread.median) + ratio))
    return bars


def _row(row: Row, y: float, scale: float, colours: Mapping[str, str]) -> Iterator[str]:
    bars = _bars(row)
    middle = y + (len(bars) * (BAR + GAP) - GAP) / 2 + 4
    yield _text(BARS_AT - 10, middle, row.name, size=11, anchor="end")
    for n, bar in enumerate(bars):
        top = y + n * (BAR + GAP)
        yield from _bar(bar, top, scale, colours[bar.system])


def _bar(bar: _Bar, top: float, scale: float, colour: str) -> Iterator[str]:
    middle, low, high = top + BAR / 2, BARS_AT + bar.spread.min * scale, BARS_AT + bar.spread.max * scale
    width = max(1.0, bar.spread.median * scale)
    yield f'<rect x="{BARS_AT}" y="{top:.1f}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
    if high - low >= 1:
        yield f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}" stroke="#1f2328" stroke-width="1.5"/>'
    yield _text(max(high, BARS_AT + width) + 6, middle + 4, bar.words, size=10)


def _legend(colours: Mapping[str, str]) -> Iterator[str]:
    x = float(MARGIN)
    for system, colour in colours.items():
        yield f'<rect x="{x:.0f}" y="43" width="{BAR}" height="{BAR}" fill="{colour}"/>'
        yield _text(x + 17, 53, system, size=12)
        x += 40 + 7 * len(system)


def _text(x: float, y: float, words: str, *, size: int, weight: str = "normal", anchor: str = "start") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text {where} fill="#1f2328" xml:space="preserve">{escape(words)}</text>'
