"""Lists of gateways in a setting."""

import re
from dataclasses import dataclass

MOST_WEIGHT = 16
_ENTRY = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:*\[\]]+)):([0-9]{1,5})(?:\*([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Spot:
    """One entry of a list: HOST:PORT, or HOST:PORT*WEIGHT."""

    host: str
    port: int
    weight: int = 1


def parse_spots(text: str) -> tuple[Spot, ...]:
    """Return the entries of a list separated by commas; an IPv6 address stands in brackets.

    Raises:
        ValueError: an entry is none; the text says which.
    """
    return tuple(_parse(part.strip()) for part in text.split(",") if part.strip())


def _parse(entry: str) -> Spot:
    found = _ENTRY.fullmatch(entry)
    spot = Spot(found[1] or found[2], int(found[3]), int(found[4] or 1)) if found else None
    if spot is None or not 1 <= spot.port <= 65535 or not 1 <= spot.weight <= MOST_WEIGHT:
        raise ValueError(f"{entry!r} is not HOST:PORT or HOST:PORT*WEIGHT (a weight is from 1 to {MOST_WEIGHT})")
    return spot
