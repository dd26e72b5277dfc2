"""Makes the conversations of a swarm."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import msgspec

from deploy.swarm.errors import Failed
from deploy.swarm.http import make_request, open_connection
from deploy.swarm.seating import Seating
from deploy.swarm.websocket import Address

AT_ONCE, TIMEOUT_S = 16, 30.0
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


async def make_rooms(write: Address, admin_key: str, seating: Seating) -> list[str]:
    """Return the ids of the conversations, in the order of the rooms.

    Raises:
        Failed: the system refused.
    """
    rooms = [""] * seating.rooms
    numbers = iter(range(seating.rooms))
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(_make_some(write, admin_key, seating, numbers, rooms))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return rooms


async def _make_some(write: Address, admin_key: str, seating: Seating, numbers: Iterator[int], rooms: list[str]) -> None:
    connection = await open_connection(write)
    try:
        for number in numbers:
            body = {"id": str(uuid4()), "owner": seating.speaker(number), "members": list(seating.members(number))}
            async with asyncio.timeout(TIMEOUT_S):
                answer = await connection.answer(make_request("POST", "/v1/conversations", admin_key, _encode(body)))
            if answer.status != 201:
                raise Failed(f"a conversation was not made: {answer.status} {answer.body[:200]!r}")
            rooms[number] = _decode(answer.body)["conversation"]
    except TimeoutError:
        raise Failed(f"a conversation was not made within {TIMEOUT_S:.0f} s") from None
    finally:
        connection.close()
