"""The read service's parts, put together."""

from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from services.read.arrivals import Arrivals
from services.read.company import Company
from services.read.company_routes import CompanyRoutes
from services.read.ears import Ears
from services.read.hub import Hub
from services.read.marks import Marks
from services.read.poll import Polls
from services.read.presence import Presence
from services.read.profiles import Profiles
from services.read.readings import Readings
from services.read.routes import ReadRoutes
from services.read.session import ReadRole
from services.read.streams import Streams
from shared.bus.canary import Canary
from shared.bus.presence import PresenceStore
from shared.bus.recent import Recent
from shared.bus.signals import Signals
from shared.bus.subscription import Subscription
from shared.metrics import label
from shared.storage.connection import Connections
from shared.storage.history import History
from shared.storage.logs import Logs
from shared.storage.markers import Markers
from shared.storage.timeline import Timeline
from shared.storage.users import Users

EPOCH_SHIFT = 76  # a float holds the first 52 bits of an epoch, enough to see that two differ


class ReadPart:
    """What a gateway of the role `read` runs."""

    def __init__(
        self, history: History, connections: Connections, redis: Redis, *, prefix: str, redis_timeout_s: float
    ) -> None:
        self._subscription = Subscription(redis, redis_timeout_s)
        recent = Recent(redis, redis_timeout_s)
        self._hub = Hub(Logs(connections), recent, self._subscription, prefix)
        arrivals = Arrivals(history, self._hub)
        self._polls = Polls(self._hub, arrivals)
        markers, users, origin = Markers(connections), Users(connections), uuid4().hex
        marks = Marks(markers)
        self._presence = Presence(PresenceStore(redis, prefix, redis_timeout_s, origin), self._subscription, users, prefix)
        self._signals = Signals(redis, redis_timeout_s)
        self._company = Company(self._hub, marks, self._presence, Profiles(users), self._signals, origin)
        self._ears = Ears(self._subscription, Canary(redis, prefix, origin, redis_timeout_s))
        self._hub.is_hearing = lambda: self._subscription.is_connected and not self._ears.is_deaf
        self._company_routes = CompanyRoutes(marks, markers)
        self._readings = readings = Readings(self._hub, arrivals, self._company)
        self.streams = Streams(readings, self._hub, history)
        self._routes = ReadRoutes(history, Timeline(connections), self._hub.fills, self._polls, self.streams)
        self.role = ReadRole(readings, self._company, self._hub, history)

    def router(self) -> APIRouter:
        router = APIRouter()
        router.include_router(self._routes.router())
        router.include_router(self._company_routes.router())
        return router

    def works(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the gateway does."""
        return [self._subscription.run(), self._hub.run(), self._ears.run(), self.streams.run(), *self._company.works()]

    def reasons(self, *, redis_answers: bool) -> Sequence[str]:
        """Deaf: Redis answers here, and yet the subscription lags. With Redis itself away, Postgres serves."""
        return ["deaf"] if redis_answers and self._ears.is_deaf else []

    def degraded(self) -> Sequence[str]:
        return [] if self._subscription.is_connected else ["subscription"]

    def metrics(self) -> Mapping[str, float]:
        told: Counter[str] = Counter()
        for counted in (self._hub.counts, self._signals.counts, self._ears.counts, self._company.counts):
            told.update(counted)
        counts = {f"read_{name}_total": float(n) for name, n in told.items()}
        now = {"read_logs": float(len(self._hub)), "read_polls_waiting": float(self._polls.waiting)}
        counts |= label("read_streams_ended_total", self.streams.ends, "code")
        counts |= label("read_repairs_total", self._hub.repairs, "cause")
        now["read_streams"] = float(len(self.streams))
        now["read_behind_events"] = float(self._hub.behind)
        now["read_epoch"] = float(self._hub.epoch.int >> EPOCH_SHIFT) if self._hub.epoch is not None else 0.0
        now |= {"read_deaf": float(self._ears.is_deaf), "read_canary_lag_seconds": self._ears.lag_s}
        now["read_presence_watched"] = float(self._presence.watched)
        return (
            counts
            | now
            | self._hub.fills.metrics()
            | {"read_subscription_reconnects_total": float(self._subscription.reconnects)}
        )

    def collectors(self) -> Sequence[Collector]:
        """Return the histograms."""
        return self._hub.times, self._readings.times

    def stop_waiting(self) -> None:
        """Answer the long polls that wait."""
        self._polls.stop()

    async def finish(self) -> None:
        """Write what has been gathered."""
        await self._company.finish()
