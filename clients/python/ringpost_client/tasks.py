"""The tasks of a client: in one group, until it is closed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ringpost_client.errors import ClientError
from ringpost_client.link import Link


class Tasks:
    """*tell* hears of which service a task was, and with which error of this client it ended."""

    def __init__(self, tell: Callable[[str, ClientError], None]) -> None:
        self._tell = tell
        self._links: dict[asyncio.Task[None], Link | None] = {}

    def start(self, work: Coroutine[Any, Any, None], service: str = "read", link: Link | None = None) -> None:
        task = self._group.create_task(self._guard(work, service))
        self._links[task] = link
        task.add_done_callback(self._links.pop)

    def end(self, link: Link) -> None:
        """End what was started for *link*."""
        for task in [task for task, of in self._links.items() if of is link]:
            task.cancel()

    async def hold(self, started: asyncio.Event, closing: asyncio.Event) -> None:
        """Hold them all, from *started* until *closing*."""
        async with asyncio.TaskGroup() as self._group:
            started.set()
            await closing.wait()
            for task in self._links:
                task.cancel()

    async def _guard(self, work: Coroutine[Any, Any, None], service: str) -> None:
        try:
            await work
        except ClientError as error:
            self._tell(service, error)
