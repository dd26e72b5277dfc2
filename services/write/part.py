"""The write service's parts, put together."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from prometheus_client.registry import Collector
from starlette.middleware import Middleware

from services.write.committer import Committer
from services.write.conversation_routes import ConversationRoutes
from services.write.fast_lane import FastLane
from services.write.intake import Intake
from services.write.limiter import Limiter
from services.write.publisher import Publisher
from services.write.routes import SendRoutes
from services.write.socket import WriteRole
from shared.auth import Authenticator
from shared.metrics import label
from shared.storage.conversations import Conversations


class WritePart:
    """What a gateway of the role `write` runs."""

    def __init__(self, committer: Committer, limiter: Limiter, publisher: Publisher, conversations: Conversations) -> None:
        self._committer, self._limiter, self._publisher = committer, limiter, publisher
        self._intake = Intake(limiter, committer)
        committer.on_stranger = limiter.give_back
        self._sends = SendRoutes(self._intake)
        self._conversations = ConversationRoutes(conversations, publisher)
        self._ended = asyncio.Event()
        self.role = WriteRole(self._intake)

    def router(self) -> APIRouter:
        router = APIRouter()
        router.include_router(self._sends.router())
        router.include_router(self._conversations.router())
        return router

    def shortcuts(self, authenticator: Authenticator) -> Sequence[Middleware]:
        """Return what stands in front of the routes."""
        return [Middleware(FastLane, authenticator=authenticator, handler=self._sends.answer)]

    def works(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the gateway does."""
        return [self._commit_and_publish(), self._limiter.run()]

    async def _commit_and_publish(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publisher.run())
            await self._committer.run()
            self._publisher.stop()
            await publishing
        self._ended.set()

    def metrics(self) -> Mapping[str, float]:
        outcomes = label("write_outcomes_total", self._committer.outcomes, "status")
        put_off = label("write_put_off_total", self._intake.put_off, "code")
        now = {
            "write_failed_batches_total": float(self._committer.failures),
            "write_unavailable_total": float(self._committer.unavailable),
            "write_queue": float(self._committer.queued),
            "write_queue_limit": float(self._committer.queue_bounds[0]),
            "write_queue_bytes": float(self._committer.queued_bytes),
            "write_queue_bytes_limit": float(self._committer.queue_bounds[1]),
            "write_unpublished_bytes": float(self._publisher.waiting_bytes),
            "write_published_total": float(self._publisher.published),
            "write_publications_dropped_total": float(self._publisher.dropped),
        }
        return outcomes | put_off | now | dict(self._limiter.metrics())

    def collectors(self) -> Sequence[Collector]:
        """Return the histograms."""
        return self._committer.histograms

    async def finish(self) -> None:
        """Commit and publish what is queued; take nothing more."""
        self._committer.stop()
        await self._ended.wait()
