"""Lists of gateways in a setting."""

from dataclasses import dataclass


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
    place, _, weight = entry.partition("*")
    host, _, port = place.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    numbers = [text for text in (port, weight or "1") if text.isascii() and text.isdigit()]
    if not host or len(numbers) < 2 or not 1 <= int(port) <= 65535 or not 1 <= int(weight or 1) <= 16:
        raise ValueError(f"{entry!r} is not HOST:PORT or HOST:PORT*WEIGHT (a weight is from 1 to 16)")
    return Spot(host, int(port), int(weight or 1))
