"""That nothing is said."""

from tests.talk import Talk


async def silent(talk: Talk, wait_s: float) -> None:
    """Wait so long; no frame may come."""
    try:
        frame = await talk.receive(wait_s)
    except TimeoutError:
        return
    raise AssertionError(f"this was said: {frame}")
