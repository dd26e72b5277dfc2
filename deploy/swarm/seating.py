"""Who is in which conversation. A pure core."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seating:
    """So many *guests*, each in *each* of so many *rooms* (conversations), evenly spread."""

    run: str
    guests: int
    rooms: int
    each: int = 1

    def __post_init__(self) -> None:
        assert 1 <= self.each <= self.rooms, "a guest is in different rooms"

    @property
    def speakers(self) -> int:
        """How many send: each to rooms of its own."""
        return min(8, self.rooms)

    @property
    def mean_size(self) -> float:
        """How many guests are in a room."""
        return self.guests * self.each / self.rooms

    def guest(self, number: int) -> str:
        """Return the user that this guest is."""
        return f"{self.run}-{number}"

    def speaker(self, number: int) -> str:
        """Return the user who sends to room *number*, and owns it."""
        return f"{self.run}-speaker-{number % self.speakers}"

    def members(self, room: int) -> Iterator[str]:
        """Yield the guests of a room."""
        for place in range(self.each):
            first = (room - place * (self.rooms // self.each)) % self.rooms
            yield from map(self.guest, range(first, self.guests, self.rooms))
