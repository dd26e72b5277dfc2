"""Makes the conversations of a swarm."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import httpx

from deploy.swarm.errors import Failed
from deploy.swarm.seating import Seating

AT_ONCE, TIMEOUT_S = 16, 30.0


async def make_rooms(write_url: str, admin_key: str, seating: Seating) -> list[str]:
    """Return the ids of the conversations, in the order of the rooms.

    Raises:
        Failed: the system refused.
    """
    rooms = [""] * seating.rooms
    numbers = iter(range(seating.rooms))
    headers = {"Authorization": f"Bearer {admin_key}"}
    try:
        async with (
            httpx.AsyncClient(base_url=write_url, headers=headers, timeout=TIMEOUT_S, trust_env=False) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(AT_ONCE):
                tasks.create_task(_make_some(client, seating, numbers, rooms))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return rooms


async def _make_some(client: httpx.AsyncClient, seating: Seating, numbers: Iterator[int], rooms: list[str]) -> None:
    for number in numbers:
        body = {"id": str(uuid4()), "owner": seating.speaker(number), "members": list(seating.members(number))}
        try:
            answer = await client.post("/v1/conversations", json=body)
        except httpx.HTTPError as error:
            raise Failed(f"a conversation was not made: {error or type(error).__name__}") from None
        if answer.status_code != 201:
            raise Failed(f"a conversation was not made: {answer.status_code} {answer.text[:200]}")
        rooms[number] = answer.json()["conversation"]
