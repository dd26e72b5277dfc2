"""An event stream as transcripts know it: each event is a frame, its `event:` the type, its `id:` what the page says."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from tests.event_stream import EventStream


class StreamEnded(Exception):
    """The service has ended it."""


class PlayedStream:
    """Hears as a WebSocket of `websockets` does; nothing can be said on it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer, self._stream = answer, EventStream(answer)

    async def recv(self) -> str:
        """Return the next frame.

        Raises:
            StreamEnded: there is none.
        """
        try:
            told = await self._stream.receive(wait_s=60)
        except StopAsyncIteration:
            raise StreamEnded from None
        assert told.id == _id_of(told.frame), f"{told.id} is the id of {told.frame}"
        return json.dumps(told.frame)

    async def close(self) -> None:
        await self._answer.aclose()


def _id_of(frame: Mapping[str, Any]) -> str:
    if frame["type"] == "inbox":
        return f"inbox:{frame['to']}"
    return f"{frame['conversation']}:{frame['to']}" if frame["type"] == "events" else ""
