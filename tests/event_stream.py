"""A bare client of event streams for tests: server-sent events by hand, with nothing that would hide a fault."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.gateways import Process, bearer

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """One event: its `event:`, its `id:` (empty: none) and its `data:`."""

    kind: str
    id: str
    frame: dict[str, Any]


class EventStream:
    """One stream, event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.heartbeats = 0
        self._lines = _lines(answer.aiter_bytes())
        self.welcome: dict[str, Any] = {}

    async def receive(self, wait_s: float = WAIT_S) -> Told:
        """Return the next event; raise StopAsyncIteration at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(wait_s):
            while (line := await anext(self._lines)) or not fields:
                self._take(line, fields)
        assert fields.keys() <= {"event", "id", "data"}, fields
        told = Told(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
        assert told.kind == told.frame["type"]
        return told

    def _take(self, line: str, fields: dict[str, str]) -> None:
        name, _, value = line.partition(": ")
        if line == ":":
            self.heartbeats += 1
        elif line:
            assert name not in fields, line
            fields[name] = value

    async def until(self, kind: str, wait_s: float = WAIT_S) -> Told:
        """Return the next event of that type, whatever comes before it."""
        async with asyncio.timeout(wait_s):
            while (told := await self.receive(wait_s)).kind != kind:
                pass
            return told

    async def ended(self, wait_s: float = WAIT_S) -> list[Told]:
        """Return what comes until the stream has ended."""
        rest: list[Told] = []
        async with asyncio.timeout(wait_s):
            try:
                while True:
                    rest.append(await self.receive(wait_s))
            except StopAsyncIteration:
                return rest

    async def events(self, upto: int, after: int = 0) -> list[dict[str, Any]]:
        """Collect a conversation's events after+1 … *upto*; whatever comes must be the next, under the id of its last."""
        events: list[dict[str, Any]] = []
        while after < upto:
            told = await self.until("events")
            frame = told.frame
            assert frame["from"] == after + 1, f"expected {after + 1}, got {frame['from']}"
            assert [event["seq"] for event in frame["events"]] == list(range(frame["from"], frame["to"] + 1))
            assert told.id == f"{frame['conversation']}:{frame['to']}"
            events += frame["events"]
            after = frame["to"]
        return events


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield lines as the HTML standard cuts them, not at what else Unicode has for an end of a line."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode()
    assert not rest


@asynccontextmanager
async def asked(process: Process, headers: dict[str, str], **cursor: Any) -> AsyncIterator[EventStream]:
    """Ask for a stream; what comes may be a refusal."""
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", f"{process.url}/v1/stream", json=cursor, headers=headers) as answer,
    ):
        yield EventStream(answer)


@asynccontextmanager
async def streaming(process: Process, user: str, **cursor: Any) -> AsyncIterator[EventStream]:
    async with asked(process, bearer(user), **cursor) as stream:
        assert stream.answer.status_code == 200, await stream.answer.aread()
        stream.welcome = (await stream.receive()).frame
        assert stream.welcome["type"] == "welcome", stream.welcome
        yield stream
