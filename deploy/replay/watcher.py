"""Watchers: users who follow every conversation of a replay to its end, and keep what they saw."""

import time
from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ringpost_client import Client

from deploy.replay.checker import Entry


@dataclass(slots=True)
class Timing:
    """When each send went out and when it was acknowledged, by its id, on this process's clock."""

    sent: dict[str, float] = field(default_factory=dict)
    acked: dict[str, float] = field(default_factory=dict)


class Watcher:
    """One watcher. `seen` is what it was shown, in that order; `delays` are seconds from send to sight."""

    def __init__(self, name: str, client: Client, timing: Timing) -> None:
        self.name, self._client, self._timing = name, client, timing
        self.seen: defaultdict[str, list[Entry]] = defaultdict(list)
        self.delays = array("d")
        self._arrivals: list[tuple[str, float]] = []
        self.deliveries = 0

    async def follow(self) -> None:
        """Watch until this is cancelled."""
        sent = self._timing.sent
        async for event in self._client.events():
            if event.conversation is None:
                continue
            is_message = event.type == "message"
            self.seen[event.conversation].append(Entry(event.seq, event.id, event.sender, event.text, is_message))
            if is_message and event.id in sent:
                now = time.perf_counter()
                self.deliveries += 1
                self.delays.append(now - sent[event.id])
                self._arrivals.append((event.id, now))

    def has_all(self, heads: Mapping[str, int]) -> bool:
        """Say whether it has come to *heads*: the highest number of each conversation."""
        return all(
            conversation in self.seen and self.seen[conversation][-1].seq >= head for conversation, head in heads.items()
        )

    def lateness(self) -> list[tuple[float, float]]:
        """Return (moment, seconds from the acknowledgement) of each sight; 0 s where the sight came first."""
        acked = self._timing.acked
        return [(at, max(0.0, at - acked[id])) for id, at in self._arrivals if id in acked]

    @property
    def repeats(self) -> int:
        """Events that came over the wire though they were there, and that the client dropped."""
        return self._client.positions.repeats

    @property
    def reconnects(self) -> int:
        return self._client.reconnects

    @property
    def moves(self) -> int:
        return self._client.moves

    @property
    def switches(self) -> int:
        return self._client.switches

    @property
    def without_socket_s(self) -> float:
        return self._client.without_socket_s
