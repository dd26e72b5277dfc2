"""Where a crowd sends and reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Through the router, or (*writers*) straight to gateways; *rooms* are everybody's, *foreign* is of the readers alone.

    *words* are in all texts; *folder* is for the outboxes.
    """

    read_url: str
    write_url: str
    writers: Callable[[], Sequence[str]]
    rooms: Sequence[str]
    foreign: str
    words: str
    folder: Path
