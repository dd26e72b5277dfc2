"""Curves as an SVG, written as text: panels side by side, each with a line for each system. A pure core."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#1f6feb", "#bf8700", "#1a7f37", "#8250df", "#cf222e")
WIDTH, PANEL, GAP, MARGIN, TOP, HEIGHT = 960, 410, 60, 56, 70, 220
_FONT = "font-family=\"system-ui, 'DejaVu Sans', sans-serif\""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) in the order of x; the point at *knee* is marked, if there is one."""

    name: str
    points: Sequence[tuple[float, float]]
    knee: int | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves that share both scales; y is logarithmic."""

    title: str
    x: str
    y: str
    curves: Sequence[Curve]


def draw_panels(title: str, panels: Sequence[Panel]) -> str:
    """Return the picture, two panels in a row."""
    rows = math.ceil(len(panels) / 2)
    height = TOP + rows * (HEIGHT + 2 * GAP)
    parts = [_text(24, 30, title, size=17, weight="bold")]
    for number, panel in enumerate(panels):
        left, top = MARGIN + number % 2 * (PANEL + GAP), TOP + number // 2 * (HEIGHT + 2 * GAP)
        parts += _panel(panel, left, top)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" {_FONT}>'
    return "\n".join((head, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *parts, "</svg>")) + "\n"


def _panel(panel: Panel, left: float, top: float) -> Iterator[str]:
    points = [point for curve in panel.curves for point in curve.points]
    widest = max((x for x, _ in points), default=1.0) or 1.0
    low, high = _decades([y for _, y in points if y > 0])
    width = PANEL - GAP

    def place(x: float, y: float) -> tuple[float, float]:
        part = (math.log10(max(y, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return left + width * x / widest, top + HEIGHT * (1 - part)

    yield _text(left, top - 12, panel.title, size=13, weight="bold")
    yield f'<path d="M{left} {top}V{top + HEIGHT}H{left + width}" fill="none" stroke="#57606a"/>'
    for decade in range(round(math.log10(low)), round(math.log10(high)) + 1):
        _, y = place(0, 10.0**decade)
        yield f'<path d="M{left} {y:.1f}H{left + width}" stroke="#d0d7de"/>'
        yield _text(left - 6, y + 4, f"{10.0**decade:g}", size=10, anchor="end")
    for share in (0.5, 1.0):
        yield _text(left + width * share, top + HEIGHT + 16, f"{widest * share:,.0f}", size=10, anchor="middle")
    yield _text(left, top + HEIGHT + 16, panel.y, size=10)
    yield _text(left + width, top + HEIGHT + 30, panel.x, size=10, anchor="end")
    for number, curve in enumerate(panel.curves):
        colour = COLOURS[number % len(COLOURS)]
        yield from _curve(curve, [place(*point) for point in curve.points], colour)
        yield f'<rect x="{left + 8}" y="{top + 4 + 15 * number}" width="10" height="10" fill="{colour}"/>'
        yield _text(left + 23, top + 13 + 15 * number, curve.name, size=10)


def _curve(curve: Curve, places: Sequence[tuple[float, float]], colour: str) -> Iterator[str]:
    words = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{words}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for number, (x, y) in enumerate(places):
        radius = 6 if number == curve.knee else 2.5
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>'


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Return the powers of ten that *values* lie between."""
    low = 10.0 ** math.floor(math.log10(min(values, default=1.0)))
    high = 10.0 ** math.ceil(math.log10(max(values, default=10.0)))
    return low, high if high > low else 10 * low


def _text(x: float, y: float, words: str, *, size: int, weight: str = "normal", anchor: str = "start") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text {where} fill="#1f2328" xml:space="preserve">{escape(words)}</text>'
