"""What the Python client says at most once in a while."""

import asyncio

from ringpost_client.pace import Pace

EVERY_S = 0.05


async def test_the_first_is_said_at_once_and_what_comes_in_the_pause_is_said_once_after_it() -> None:
    said: list[float] = []
    clock = asyncio.get_running_loop().time
    pace = Pace(EVERY_S, lambda: said.append(clock()))
    for _ in range(5):
        pace.call()
    assert len(said) == 1
    await asyncio.sleep(6 * EVERY_S)

    assert len(said) == 2
    assert said[1] - said[0] >= EVERY_S * 0.9


async def test_what_is_not_worth_waiting_for_is_not_said_in_the_pause() -> None:
    said: list[str] = []
    pace = Pace(EVERY_S, lambda: said.append("typing"))
    for _ in range(5):
        pace.call_now()
    await asyncio.sleep(2 * EVERY_S)

    assert said == ["typing"]


async def test_the_last_word_is_said_at_the_end() -> None:
    said: list[str] = []
    pace = Pace(60, lambda: said.append("read"))
    pace.call()
    pace.call()
    pace.finish()
    pace.finish()

    assert said == ["read", "read"]
