"""The write service's parts, put together."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from services.write.committer import BatchBounds, Committer
from services.write.conversation_routes import ConversationRoutes
from services.write.publisher import Publisher
from services.write.queue import SendQueue
from services.write.routes import SendRoutes
from services.write.socket import WriteRole
from shared.storage.append import Appender
from shared.storage.conversations import Conversations


class WritePart:
    """What a gateway of the role `write` runs."""

    def __init__(
        self, queue: SendQueue, appender: Appender, bounds: BatchBounds, publisher: Publisher, conversations: Conversations
    ) -> None:
        self._queue, self._publisher = queue, publisher
        self._committer = Committer(queue, appender, bounds, publisher.publish_events)
        self._routes = (SendRoutes(self._committer), ConversationRoutes(conversations, publisher))
        self._ended = asyncio.Event()
        self.role = WriteRole(self._committer)

    def router(self) -> APIRouter:
        router = APIRouter()
        for routes in self._routes:
            router.include_router(routes.router())
        return router

    def works(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the gateway does."""
        return [self._commit_and_publish()]

    async def _commit_and_publish(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._publisher.run())
            await self._committer.run()
            self._publisher.stop()
            await publishing
        self._ended.set()

    def metrics(self) -> Mapping[str, float]:
        return {
            "write_batches_total": float(self._committer.batches),
            "write_events_total": float(self._committer.rows),
            "write_failed_batches_total": float(self._committer.failures),
            "write_queue": float(len(self._queue)),
            "write_published_total": float(self._publisher.published),
            "write_publications_dropped_total": float(self._publisher.dropped),
        }

    async def finish(self) -> None:
        """Commit and publish what is queued; take nothing more."""
        self._committer.stop()
        await self._ended.wait()
