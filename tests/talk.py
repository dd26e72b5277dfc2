"""A bare client for tests: the protocol by hand, with nothing that would hide a fault."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.gateways import Process, bearer, token

WAIT_S = 10.0


class Talk:
    """One WebSocket, frame by frame."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.welcome: dict[str, Any] = {}

    async def send(self, **frame: Any) -> None:
        await self._connection.send(json.dumps(frame))

    async def send_raw(self, data: str | bytes) -> None:
        await self._connection.send(data)

    async def receive(self, wait_s: float = WAIT_S) -> dict[str, Any]:
        async with asyncio.timeout(wait_s):
            frame: dict[str, Any] = json.loads(await self._connection.recv())
            return frame

    async def until(self, kind: str, wait_s: float = WAIT_S) -> dict[str, Any]:
        """Return the next frame of that type, whatever comes before it."""
        async with asyncio.timeout(wait_s):
            while (frame := await self.receive(wait_s))["type"] != kind:
                pass
            return frame

    async def closed(self, wait_s: float = WAIT_S) -> int | None:
        """Wait for the end; return the close code."""
        async with asyncio.timeout(wait_s):
            await self._connection.wait_closed()
        return self._connection.close_code

    async def events(self, upto: int, after: int = 0) -> list[dict[str, Any]]:
        """Collect a conversation's events after+1 … *upto*; whatever comes must be the next."""
        events: list[dict[str, Any]] = []
        while after < upto:
            frame = await self.until("events")
            assert frame["from"] == after + 1, f"expected {after + 1}, got {frame['from']}"
            assert [event["seq"] for event in frame["events"]] == list(range(frame["from"], frame["to"] + 1))
            events += frame["events"]
            after = frame["to"]
        return events


@asynccontextmanager
async def opened(process: Process, **options: Any) -> AsyncIterator[Talk]:
    async with connect(process.socket_url, compression=None, close_timeout=1, max_size=None, **options) as connection:
        yield Talk(connection)


@asynccontextmanager
async def greeted(process: Process, user: str, **hello: Any) -> AsyncIterator[Talk]:
    async with opened(process) as talk:
        await talk.send(type="hello", token=token(user), **hello)
        talk.welcome = await talk.receive()
        assert talk.welcome["type"] == "welcome", talk.welcome
        yield talk


async def create(write: Process, owner: str, *members: str, **fields: Any) -> str:
    """Create a conversation; return its id."""
    body = {"id": str(uuid4()), "members": list(members)} | fields
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{write.url}/v1/conversations", json=body, headers=bearer(owner))
    assert response.status_code == 201, response.text
    conversation: str = response.json()["conversation"]
    return conversation


async def post(write: Process, user: str, conversation: str, text: str, id: str | None = None) -> httpx.Response:
    body = {"id": id or str(uuid4()), "text": text}
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.post(f"{write.url}/v1/conversations/{conversation}/messages", json=body, headers=bearer(user))
