"""Runs a connection over real sockets, one clock and one timer."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from math import inf
from typing import Any

from ringpost_client import session as s
from ringpost_client.api import Api, Service
from ringpost_client.backoff import Backoff
from ringpost_client.carrier import Blocked, Carrier, Hears, Start
from ringpost_client.connection import Connection
from ringpost_client.errors import ClientError, Stopped, Unavailable
from ringpost_client.event_stream import EventStream
from ringpost_client.line import Cut, Renew, Send
from ringpost_client.options import Options
from ringpost_client.outbox import Pending
from ringpost_client.polling import Polling
from ringpost_client.posting import Posting
from ringpost_client.steps import Close, Connect, ForgetToken, Probe, Step, Stop
from ringpost_client.tokens import Tokens
from ringpost_client.transport import Ladder, Transport
from ringpost_client.websocket import connect

PROBE = 0  # lines are numbered from 1
_CARRIERS: Mapping[Transport, Callable[[Api, Hears, Start], Carrier]] = {
    Transport.SSE: EventStream,
    Transport.POLL: Polling,
    Transport.POST: Posting,
}


class Link:
    """Keeps a service's socket up for ever. *make* makes a session; True: one that takes over. *tell* gets what they say.

    *rungs*: by what, the best one first. What is not a WebSocket goes by *api*.
    """

    def __init__(
        self,
        url: str,
        tokens: Tokens,
        options: Options,
        make: Callable[[bool], s.Session],
        tell: Callable[[s.Action], None],
        api: Callable[[], Api],
        rungs: Sequence[Transport] = (Transport.WS,),
        service: Service = "read",
    ) -> None:
        self._service = service
        self._url = url.replace("http", "ws", 1).rstrip("/") + "/v1/socket"
        self._tokens, self._options, self._tell, self._api = tokens, options, tell, api
        backoff = Backoff(options.backoff_base_s, options.backoff_cap_s)
        ladder = Ladder(options.chance, rungs, options.climb_base_s, options.climb_cap_s)
        self._connection = Connection(
            make, backoff, options.chance, options.ack_timeout_s, is_renewable=tokens.is_renewable, ladder=ladder
        )
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[int, Carrier] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf
        self._is_paused = False
        self._ended: asyncio.Future[ClientError] = self._loop.create_future()

    @property
    def can_write(self) -> bool:
        """Whether it is up and takes sends."""
        return self._connection.can_write

    @property
    def is_read_only(self) -> bool:
        """Whether it is up and takes none."""
        return self._connection.via is not None and not self._connection.can_write

    @property
    def connects(self) -> int:
        return self._connection.connects

    @property
    def via(self) -> Transport | None:
        """By what it reads now; None while it is away."""
        return self._connection.via

    @property
    def switches(self) -> int:
        return self._connection.switches

    @property
    def moves(self) -> int:
        return self._connection.moves

    @property
    def without_socket_s(self) -> float:
        return self._connection.without_socket_s

    async def run(self) -> None:
        """Stay connected until this is cancelled.

        Raises:
            Stopped: the service says not to come back.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                self._do(self._connection.start(self._loop.time()))
                error = await self._ended
                self._let_go()
        finally:
            self._let_go()
        raise error

    def choose(self, rungs: Sequence[Transport]) -> None:
        """Read by these from now on, the best one first."""
        if not self._ended.done():
            self._do(self._connection.choose(rungs, self._loop.time()))

    def offer(self, pending: Pending) -> None:
        """Send what was just put into the outbox; if the socket is away, the next one will."""
        if not self._ended.done():
            self._do(self._connection.offered(pending, self._loop.time()))

    def say(self, frame: Mapping[str, Any]) -> bool:
        """Say something that needs no answer; return whether there was a socket for it."""
        socket = self._serving
        if socket is None or self.via is not Transport.WS:
            return False
        socket.send(frame)
        return True

    def hint(self) -> None:
        """The network may have come, gone or changed."""
        self._do(self._connection.hinted(self._loop.time()))

    def pause(self) -> None:
        """Read no further for now."""
        self._is_paused = True
        self._connection.hold()
        if (socket := self._serving) is not None:
            socket.pause()

    def resume(self) -> None:
        self._is_paused = False
        self._connection.release(self._loop.time())
        if (socket := self._serving) is not None:
            socket.resume()
        self._schedule()

    @property
    def _serving(self) -> Carrier | None:
        number = self._connection.line
        return self._sockets.get(number) if number is not None else None

    # What the connection wants.

    def _do(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Send):
                if (socket := self._sockets.get(step.line)) is not None:
                    socket.send(step.frame)
            elif isinstance(step, Connect):
                self._start(step.line, self._open(step.line, step.via))
            elif isinstance(step, Close | Cut):
                self._end(step)
            elif isinstance(step, Renew):
                if self._tokens.is_renewable:
                    self._start(-step.line, self._renew(step.line))
            elif isinstance(step, Probe):
                self._start(PROBE, self._probe())
            elif isinstance(step, ForgetToken):
                self._tokens.forget()
            elif isinstance(step, Stop):
                self._fail(Stopped(step.code, step.reason))
            else:
                self._pass_on(step)
        self._schedule()

    def _pass_on(self, action: s.Action) -> None:
        if isinstance(action, s.Away):
            self._is_paused = False
        self._tell(action)

    def _end(self, step: Close | Cut) -> None:
        socket = self._sockets.get(step.line)
        if isinstance(step, Cut):
            if socket is not None:
                socket.abort()
            return
        for number in (step.line, -step.line):
            if (task := self._tasks.get(number)) is not None:
                task.cancel()
        if socket is not None:
            socket.finish()
        if self._is_paused:
            self.pause()  # it was this one that the app held: now its successor

    def _fail(self, error: ClientError) -> None:
        if not self._ended.done():
            self._ended.set_result(error)

    def _start(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[number] = self._group.create_task(self._guard(work))
        task.add_done_callback(lambda done: self._tasks.pop(number) if self._tasks.get(number) is done else None)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as error:
            self._fail(error)

    async def _open(self, number: int, via: Transport) -> None:
        clock = self._loop.time
        try:
            token = await self._tokens.get()
            socket = await self._carry(number, via)
        except Unavailable as error:
            self._do(self._connection.failed(number, str(error), error.retry_after_s, clock()))
        except Stopped as error:
            self._do(self._connection.refused(number, error.code, error.reason, clock()))
        except Blocked as error:
            self._do(self._connection.blocked(number, error.status, error.reason, clock()))
        else:
            self._sockets[number] = socket
            socket.closed.add_done_callback(lambda closed: self._lose(number, closed))
            self._do(self._connection.opened(number, token, clock()))

    async def _carry(self, number: int, via: Transport) -> Carrier:
        if via is Transport.WS:
            options = self._options
            return await connect(
                self._url, lambda text: self._hear_text(number, text), options.local_address, options.connect_timeout_s
            )
        return _CARRIERS[via](self._api(), lambda frame: self._hear(number, frame), self._group.create_task)

    async def _probe(self) -> None:
        is_answered = await self._api().is_ready(self._service)
        self._do(self._connection.probed(is_answered, self._loop.time()))

    async def _renew(self, number: int) -> None:
        try:
            token: str | None = await self._tokens.renew()
        except Unavailable:
            token = None
        self._do(self._connection.renewed(number, token, self._loop.time()))

    # What happens.

    def _hear_text(self, number: int, text: bytes) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        self._hear(number, frame)

    def _hear(self, number: int, frame: Any) -> None:
        if not self._ended.done():
            self._do(self._connection.received(number, frame, self._loop.time()))

    def _lose(self, number: int, closed: asyncio.Future[tuple[int, str]]) -> None:
        self._sockets.pop(number, None)
        if closed.cancelled():
            return
        error, connection, now = closed.exception(), self._connection, self._loop.time()
        if self._ended.done():
            return
        if isinstance(error, Stopped):
            self._do(connection.refused(number, error.code, error.reason, now))
        elif isinstance(error, Blocked):
            self._do(connection.blocked(number, error.status, error.reason, now))
        else:
            self._do(connection.closed(number, *closed.result(), now))

    def _schedule(self) -> None:
        """Have one timer, for the next time that matters; one that rings too early does no harm."""
        wakes_at = self._connection.wakes_at
        if wakes_at < self._wakes_at and not self._ended.done():
            if self._timer is not None:
                self._timer.cancel()
            self._wakes_at = wakes_at
            self._timer = self._loop.call_at(wakes_at, self._tick)

    def _tick(self) -> None:
        now, self._wakes_at, self._timer = max(self._loop.time(), self._wakes_at), inf, None
        self._do(self._connection.tick(now))

    def _let_go(self) -> None:
        self._ended.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks.values():
            task.cancel()
        for socket in list(self._sockets.values()):
            socket.finish()
