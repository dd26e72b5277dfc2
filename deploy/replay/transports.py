"""By what watchers read: each by one transport, by the best that passes, or by another one every few seconds."""

import asyncio
import random
from collections.abc import Sequence
from enum import StrEnum

from ringpost_client import AUTO, Client, Transport

TURN_S = (1.0, 5.0)


class Watch(StrEnum):
    """*mixed* changes in mid-stream, again and again."""

    AUTO = "auto"
    WS = "ws"
    SSE = "sse"
    POLL = "poll"
    MIXED = "mixed"

    @property
    def rungs(self) -> Sequence[Transport]:
        """What one reads by at first, the best one first."""
        return AUTO if self in (Watch.AUTO, Watch.MIXED) else (Transport(self.value),)


def parse_watches(text: str) -> tuple[Watch, ...]:
    """Return the ways that *text* lists; raise ValueError where it lists something else."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in set(Watch)]
    if unknown:
        raise ValueError(f"--watch-via {unknown[0]}: give {', '.join(Watch)}, or several of these")
    return tuple(map(Watch, names))


async def keep_changing(client: Client, chance: random.Random) -> None:
    """Read by another transport every few seconds, until cancelled."""
    while True:
        await asyncio.sleep(chance.uniform(*TURN_S))
        client.read_by(chance.choice([other for other in AUTO if other is not client.transport]))
