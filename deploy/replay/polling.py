"""Waiting for what tells nobody when it happens."""

import asyncio
from collections.abc import Callable


async def until(is_so: Callable[[], bool], every_s: float) -> None:
    """Return as soon as *is_so*, looked at every so often."""
    while True:
        if is_so():
            return
        await asyncio.sleep(every_s)
