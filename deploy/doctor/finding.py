"""What a look found."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Level(StrEnum):
    """*wrong*: users notice, or would after the next failure; *beware*: it works, and will not always."""

    WELL = "well"
    BEWARE = "beware"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """*about* a part: *what* is so, and what to *do* (nothing, where all is well)."""

    level: Level
    about: str
    what: str
    do: str = ""


def wrong(about: str, what: str, do: str) -> Finding:
    return Finding(Level.WRONG, about, what, do)


def beware(about: str, what: str, do: str) -> Finding:
    return Finding(Level.BEWARE, about, what, do)


def well(about: str, what: str) -> Finding:
    return Finding(Level.WELL, about, what)


def or_well(findings: Iterable[Finding], about: str, what: str) -> list[Finding]:
    """Return *findings*, or, where there are none, that all is well."""
    return list(findings) or [well(about, what)]
