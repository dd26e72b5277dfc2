"""Ending tasks that may not hear it the first time.

In Python 3.11 a cancellation that comes in the same turn as what a task waits for may be lost: in `asyncio.wait_for`, and in a
task group that is ending already. Whoever was told once is told again, and whoever took more than once is named in the log.
"""

import asyncio
from collections.abc import Iterable

import structlog

log = structlog.get_logger("ringpost.gateway")
PATIENCE_S = 2.0


async def end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel *tasks* until they have ended; where one goes on, what it waits for is cancelled with it."""
    left: set[asyncio.Task[None]] = set(tasks)
    for task in left:
        task.cancel()
    while left:
        _, left = await asyncio.wait(left, timeout=PATIENCE_S)
        others = asyncio.all_tasks() - {asyncio.current_task()} if left else ()
        deaf = [task for task in others if task.cancelling()]
        if deaf:
            log.warning("tasks that were cancelled go on", tasks=[_place(task) for task in deaf])
        for task in deaf:
            task.cancel()


def _place(task: "asyncio.Task[object]") -> str:
    """Return which coroutine *task* runs, and the line that it has come to."""
    frames = task.get_stack(limit=1)
    line = f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "ending"
    return f"{getattr(task.get_coro(), '__qualname__', '')} at {line}"
