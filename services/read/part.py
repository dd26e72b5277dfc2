"""The read service's parts, put together."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from redis.asyncio import Redis

from services.read.hub import Hub
from services.read.marks import Marks
from services.read.poll import Polls
from services.read.routes import ReadRoutes
from services.read.session import ReadRole
from shared.bus.subscription import Subscription
from shared.storage.history import History
from shared.storage.timeline import Timeline

DEAF_AFTER_S = 5.0


class ReadPart:
    """What a gateway of the role `read` runs."""

    def __init__(self, history: History, timeline: Timeline, redis: Redis, *, prefix: str, redis_timeout_s: float) -> None:
        self._subscription = Subscription(redis, redis_timeout_s)
        self._hub = Hub(history, self._subscription, prefix)
        self._marks = Marks(history)
        self._polls = Polls(self._hub, history)
        self._routes = ReadRoutes(history, timeline, self._polls)
        self.role = ReadRole(self._hub, history, self._marks)

    def router(self) -> APIRouter:
        return self._routes.router()

    def works(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the gateway does."""
        return [self._subscription.run(), self._hub.run(), self._marks.run()]

    def reasons(self, *, redis_answers: bool) -> Sequence[str]:
        """Deaf: Redis answers others here, and yet the subscription is away. With Redis itself away, Postgres serves."""
        return ["deaf"] if redis_answers and self._subscription.away_s() > DEAF_AFTER_S else []

    def degraded(self) -> Sequence[str]:
        return [] if self._subscription.is_connected else ["subscription"]

    def metrics(self) -> Mapping[str, float]:
        counts = {f"read_{name}_total": float(n) for name, n in self._hub.counts.items()}
        now = {"read_logs": float(len(self._hub)), "read_polls_waiting": float(self._polls.waiting)}
        return counts | now | {"read_subscription_reconnects_total": float(self._subscription.reconnects)}

    def stop_waiting(self) -> None:
        """Answer the long polls that wait."""
        self._polls.stop()

    async def finish(self) -> None:
        """Write what has been gathered."""
        await self._marks.write()
