"""What a benchmark found, as `docs/benchmarks/NAME.json` holds it. A pure core."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a figure counts, and which way is better."""

    name: str
    is_higher_better: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the rounds."""

    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of ours beside the peers'. A *ratio* above 1 says that ours is better, whatever the unit."""

    name: str
    unit: Unit
    ours: Spread
    peers: Mapping[str, Spread]
    ratio: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Document:
    """All that a benchmark found, and on what."""

    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rows: Sequence[Row]


def make_row(name: str, unit: Unit, values: Mapping[str, Sequence[float]]) -> Row:
    """Return the row of the *values* that each system had in each round.

    A ratio is taken within a round, where the machine was the same for both. It is left out where a zero gives it no value.

    Raises:
        ValueError: a value is not finite, or a system was not measured in every round.
    """
    if not all(math.isfinite(value) for row in values.values() for value in row):
        raise ValueError(f"{name} ({unit.name}) has a value that is not finite")
    ours = values[OURS]
    peers = {peer: own for peer, own in values.items() if peer != OURS}
    ratios = {peer: [_ratio(unit, a, b) for a, b in zip(ours, own, strict=True)] for peer, own in peers.items()}
    told = {peer: [ratio for ratio in own if ratio is not None] for peer, own in ratios.items() if None not in own}
    return Row(name, unit, _spread(ours), _spreads(peers), _spreads(told))


def to_json(document: Document) -> str:
    """Return the file's text: strict JSON, figures with four significant digits."""
    rows = [
        {
            "name": row.name,
            "unit": row.unit.name,
            "ours": _rounded(row.ours),
            "peers": {peer: _rounded(spread) for peer, spread in row.peers.items()},
            "ratio": {peer: _rounded(spread) for peer, spread in row.ratio.items()},
        }
        for row in document.rows
    ]
    whole = {"machine": document.machine, "versions": document.versions, "rows": rows}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _ratio(unit: Unit, ours: float, peer: float) -> float | None:
    above, below = (ours, peer) if unit.is_higher_better else (peer, ours)
    if above == below:
        return 1.0
    return above / below if below else None


def _spreads(values: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    return {peer: _spread(own) for peer, own in values.items()}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def _rounded(spread: Spread) -> dict[str, float]:
    return {"median": _digits(spread.median), "min": _digits(spread.min), "max": _digits(spread.max)}


def _digits(value: float) -> float:
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded
