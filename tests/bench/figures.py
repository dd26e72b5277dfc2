"""Figures for people."""

from collections.abc import Iterator, Sequence

from tests.bench.document import Row, Spread

HEADINGS = ("row", "unit", "ours", "beside", "theirs", "ratio")


def show(value: float) -> str:
    """Return *value* with about three digits, and thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def show_spread(spread: Spread) -> str:
    """Return the median, and in brackets what the rounds lay between."""
    return f"{show(spread.median)} ({show(spread.min)}–{show(spread.max)})"


def lay_out(rows: Sequence[Row]) -> Iterator[Sequence[str]]:
    """Yield the lines under HEADINGS: one for each peer that a row has, the first of which says what the row is."""
    for row in rows:
        about = [row.name, row.unit.name, show_spread(row.ours)]
        for peer in row.peers or [""]:
            yield [*about, peer, *(show_spread(of[peer]) if peer in of else "" for of in (row.peers, row.ratio))]
            about = ["", "", ""]
