"""Tasks that lose a cancellation are told again."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services import ending


async def sleeps() -> None:
    await asyncio.sleep(60)


async def loses(many: int) -> None:
    """Sleep on after so many cancellations."""
    for _ in range(many):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)


async def has_one_that_loses() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(loses(1))


@pytest.mark.parametrize("work", [sleeps, lambda: loses(1), lambda: loses(2), has_one_that_loses])
async def test_whoever_loses_a_cancellation_is_told_again(work, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(ending, "PATIENCE_S", 0.05)
    tasks = [asyncio.create_task(work()), asyncio.create_task(sleeps())]
    await asyncio.sleep(0.01)

    with capture_logs() as logs:
        await ending.end(tasks)

    assert all(task.cancelled() for task in tasks)
    assert all("loses at" in said["tasks"][0] or "has_one" in said["tasks"][0] for said in logs)
    assert bool(logs) == (work is not sleeps)
