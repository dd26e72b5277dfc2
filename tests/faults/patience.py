"""Waits that end, and say what they waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Stuck(Exception):
    """What had to come did not come in time; the text is one line."""


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Give the block so long; *what* is what it waits for.

    Raises:
        Stuck: that was not long enough.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Stuck(f"waited {seconds:.0f} s in vain until {what}") from None
