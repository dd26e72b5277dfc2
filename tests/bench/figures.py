"""Figures for people."""

from tests.bench.document import Spread


def show(value: float) -> str:
    """Return *value* with about three digits, and thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def show_spread(spread: Spread) -> str:
    """Return the median, and in brackets what the rounds lay between."""
    return f"{show(spread.median)} ({show(spread.min)}–{show(spread.max)})"
