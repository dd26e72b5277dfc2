"""A line by server-sent events: the hello goes out as a POST, the frames come as its answer."""

import json
from collections.abc import AsyncIterator
from typing import Any

from ringpost_client.carrier import Frame, HttpCarrier, close_code
from ringpost_client.sse import EventLines


class EventStream(HttpCarrier):
    """Nobody can be spoken to on it: what is not the hello goes nowhere."""

    async def read(self, hello: Frame) -> None:
        cursor = {name: value for name, value in hello.items() if name not in ("type", "token")}
        async with self._api.stream(str(hello["token"]), cursor) as chunks:
            await self._read(chunks)

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        lines = EventLines()
        async for chunk in chunks:
            await self.flowing.wait()
            for data in lines.feed(chunk):
                self._take(_parsed(data))

    def _take(self, frame: Any) -> None:
        if isinstance(frame, dict) and frame.get("type") == "end":
            self.hear(frame | {"type": "error"})
            self.end(close_code(str(frame.get("code"))), str(frame.get("detail", "")))
        else:
            self.hear(frame)


def _parsed(data: bytes | None) -> Any:
    """Return the frame of an event; a comment is what a pong is on a socket, and None stands for what is not JSON."""
    if data is None:
        return {"type": "pong"}
    try:
        return json.loads(data)
    except ValueError:
        return None
