"""How people chat, in two ways. A pure core."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of conversation: of so many members; *share* of what one sends goes to it."""

    size: int
    share: float

    def group_of(self, number: int) -> int:
        """Return which of them user *number* is in."""
        return number // self.size

    def members(self, group: int) -> range:
        return range(group * self.size, (group + 1) * self.size)


@dataclass(frozen=True, slots=True)
class Mix:
    """*per_second*: sends of one user a second, on average. Each user is in one conversation of each kind."""

    name: str
    about: str
    per_second: float
    kinds: Sequence[Kind]

    def deliveries_a_send(self) -> float:
        """Return how many get a send on average, the sender among them."""
        return sum(kind.size * kind.share for kind in self.kinds)


MESSENGER = Mix(
    "messenger",
    "small conversations, each send to two or three people; for one server type, `ringpost up --role both`",
    0.2,
    (Kind(2, 0.7), Kind(4, 0.3)),
)
SLACK = Mix(
    "slack",
    "teams of 20 and channels of 200, many deliveries a send; for read and write apart, `ringpost up --read 2 --write 1`",
    0.01,
    (Kind(20, 0.2), Kind(200, 0.8)),
)
MIXES = {mix.name: mix for mix in (MESSENGER, SLACK)}
