"""Where the publications of a log go, remembered: making the names anew costs more than anything else about a publication."""

from uuid import UUID

import msgspec

from shared.bus.payload import cache_key, channel_name
from shared.bus.publishing import RECENT_S

MOST = 50_000


class _Topic(msgspec.Struct):
    channel: str
    key: str
    epoch: UUID
    generation: int
    fresh_until: float


class Topics:
    """The names of the logs that were published to lately. A pure core: *now* is in seconds of a clock that never goes back."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._topics: dict[UUID, _Topic] = {}

    def of(self, log: UUID, epoch: UUID, generation: int, now: float) -> tuple[str, str, bool]:
        """Return the channel, the cache's key, and whether that key's time to live is to begin anew (now and then it is)."""
        topic = self._topics.get(log)
        if topic is None or topic.generation != generation or topic.epoch != epoch:
            topic = self._remember(log, epoch, generation)
        lasting = now >= topic.fresh_until
        if lasting:
            topic.fresh_until = now + RECENT_S / 4
        return topic.channel, topic.key, lasting

    def _remember(self, log: UUID, epoch: UUID, generation: int) -> _Topic:
        if len(self._topics) >= MOST:
            self._topics.clear()
        names = channel_name(self._prefix, log), cache_key(self._prefix, log, epoch, generation)
        topic = self._topics[log] = _Topic(*names, epoch, generation, float("-inf"))
        return topic
