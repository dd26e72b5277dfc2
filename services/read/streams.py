"""All event streams of a gateway: opened, kept alive, ended. They count among their users' sockets."""

import asyncio
import time
from collections import Counter

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.read.hub import Hub
from services.read.readings import Readings
from services.read.resume import Cursor
from services.read.stream import SWEEP_S, Stream
from shared import frames
from shared.auth import Identity
from shared.errors import Draining
from shared.storage.history import History
from shared.web.http_protocol import Outlet
from shared.websocket.draining import Drain
from shared.websocket.socket import SILENT_HEARTBEATS, Sockets

AT_ONCE, LATE_S = 50, 0.1
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "connection": "close"}


class Streams:
    """The streams, with one timer for all of them."""

    def __init__(self, readings: Readings, hub: Hub, history: History) -> None:
        self._readings, self._hub, self._history = readings, hub, history
        self._sockets: Sockets | None = None
        self._all: set[Stream] = set()
        self.ends: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def join(self, sockets: Sockets) -> None:
        """Count together with *sockets*, under their policy. Comes before the first stream."""
        self._sockets = sockets

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now, unix_now = time.monotonic(), time.time()
            for stream in tuple(self._all):
                stream.sweep(now, unix_now)

    async def drain(self, drain: Drain) -> None:
        """Tell all to move, evenly over the spread, and end those that stay; new ones are refused where the sockets are."""
        ends_at = time.monotonic() + drain.within_s
        leaving = [stream for stream in self._all if stream.is_open]
        for n, stream in enumerate(leaving, 1):
            stream.send(drain.moved(ends_at - time.monotonic()))
            if n % AT_ONCE == 0:
                await asyncio.sleep(drain.spread_s * AT_ONCE / len(leaving))
        told = set(leaving)
        while self._all and time.monotonic() < ends_at:
            # Whose request was taken before the door closed begins only now.
            late = {stream for stream in self._all if stream.is_open} - told
            told |= late
            for stream in late:
                stream.send(drain.moved(ends_at - time.monotonic()))
            await asyncio.sleep(LATE_S)
        for stream in tuple(self._all):
            stream.dismiss(drain.reconnect)

    def answer(self, identity: Identity, cursor: Cursor, outlet: Outlet) -> "EventStream":
        return EventStream(self, identity, cursor, outlet)

    async def serve(self, answer: "EventStream", receive: Receive, send: Send) -> None:
        """Stream until one of the two ends it.

        Raises:
            TooManySockets, Draining, Unavailable: nothing was answered yet.
        """
        assert self._sockets is not None, "the streams join the sockets first"
        policy, identity = self._sockets.policy, answer.identity
        self._sockets.count_in(identity.user)
        stream = Stream(identity, answer.outlet, policy, self._hub, self._history)
        self._all.add(stream)
        try:
            fields = await self._readings.open(stream, stream, answer.cursor)
            if stream.ended_by is not None:
                raise Draining
            await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
            answer.outlet.cut_after(SILENT_HEARTBEATS * policy.heartbeat_s)
            stream.begin(time.monotonic())
            stream.send(frames.encode(self._sockets.welcome(identity) | {"roles": ["read"]} | fields))
            self._readings.start(stream)
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._all.discard(stream)
            self._readings.close(stream)
            self._sockets.count_out(identity.user)
            self.ends[stream.ended_by.name.lower() if stream.ended_by is not None else "gone"] += 1


class EventStream(Response):
    """The answer that does not end."""

    def __init__(self, streams: Streams, identity: Identity, cursor: Cursor, outlet: Outlet) -> None:
        self._streams = streams
        self.identity, self.cursor, self.outlet = identity, cursor, outlet
        self.status_code, self.media_type, self.background = 200, "text/event-stream", None
        self.init_headers(HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._streams.serve(self, receive, send)
