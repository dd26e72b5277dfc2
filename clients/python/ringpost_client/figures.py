"""How a client's links have fared, those that were let go of too."""

from collections.abc import Iterable
from dataclasses import dataclass

from ringpost_client.link import Link


@dataclass(frozen=True, slots=True)
class Figures:
    """*reconnects*: a socket was opened again after it had ended. *moves*: a gateway that was about to stop was left in time.

    *switches*: another transport took over while the one before still stood. *without_socket_s*: for how long a socket that had
    been up was away, in all.
    """

    reconnects: int = 0
    moves: int = 0
    switches: int = 0
    without_socket_s: float = 0.0

    def plus(self, links: Iterable[Link]) -> "Figures":
        each = list(links)
        return Figures(
            self.reconnects + sum(max(link.connects - 1, 0) for link in each),
            self.moves + sum(link.moves for link in each),
            self.switches + sum(link.switches for link in each),
            self.without_socket_s + sum(link.without_socket_s for link in each),
        )
