"""One socket with its session: connected, greeted, listened to, until it ends."""

import asyncio
import contextlib
import json
from collections.abc import Callable

from ringpost_client import session as s
from ringpost_client.closing import TOKEN_EXPIRED
from ringpost_client.errors import Unavailable
from ringpost_client.heartbeat import Heartbeat
from ringpost_client.options import Options
from ringpost_client.outbox import Pending
from ringpost_client.tokens import Tokens
from ringpost_client.websocket import WebSocket, connect

WELCOME_HEARTBEAT_S = 4.0  # until the welcome tells: 2.5 times that for it to come
_PING = b'{"type":"ping"}'


class Line:
    """*tell* gets what the session says to the outside; *pause_s* turns the service's wish for a pause into one.

    Whoever opens it calls `end`.
    """

    def __init__(
        self,
        session: s.Session,
        tokens: Tokens,
        options: Options,
        tell: Callable[[s.Action], None],
        pause_s: Callable[[float | None], float],
    ) -> None:
        self.session = session
        self._tokens, self._options = tokens, options
        self._tell, self._pause_s = tell, pause_s
        self._timers: list[asyncio.TimerHandle] = []
        self._heartbeat = Heartbeat(WELCOME_HEARTBEAT_S, 0)
        self._answered_at = 0.0
        self._renews = self._is_paused = self._is_ended = False
        self._socket: WebSocket | None = None
        self._watching: asyncio.Task[None] | None = None
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.moved: s.Moved | None = None

    async def open(self, url: str) -> None:
        """Connect to *url* and say hello.

        Raises:
            Stopped: the service refused the handshake for good.
            Unavailable: no way through now.
        """
        token = await self._tokens.get()
        self._socket = await connect(url, self._hear, self._options.local_address, self._options.connect_timeout_s)
        self._heartbeat = Heartbeat(WELCOME_HEARTBEAT_S, asyncio.get_running_loop().time())
        self._socket.send(_encode(self.session.hello(token)))
        self._watching = asyncio.create_task(self._watch(self._socket))

    @property
    def closed(self) -> asyncio.Future[tuple[int, str]]:
        """Ends with (close code, reason)."""
        assert self._socket is not None, "open it first"
        return self._socket.closed

    @property
    def is_closed(self) -> bool:
        return self.closed.done()

    @property
    def is_welcome(self) -> bool:
        return bool(self.session.roles)

    def offer(self, pending: Pending) -> None:
        """Send what was just put into the outbox, if sends go out here."""
        self._do(self.session.offer(pending))

    def take_over(self) -> None:
        """Send the outbox, and what is offered from now on."""
        self._do(self.session.take_over())

    def pause(self) -> None:
        """Read no further for now; the peer's silence is of our making then."""
        if self._socket is not None:
            self._is_paused = True
            self._socket.pause()

    def resume(self) -> None:
        self._is_paused = False
        self._heartbeat.hear(asyncio.get_running_loop().time())
        if self._socket is not None:
            self._socket.resume()

    def abort(self) -> None:
        """Cut it; `closed` follows."""
        if self._socket is not None:
            self._socket.abort()

    def end(self) -> None:
        """Say goodbye and let go of everything; nothing is told any more."""
        self._is_ended = True
        for timer in self._timers:
            timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._socket is not None:
            self._socket.finish()

    async def _watch(self, socket: WebSocket) -> None:
        """Ping, and give up a silent peer, until the socket is closed."""
        clock = asyncio.get_running_loop().time
        idle_at = clock()
        while not socket.closed.done():
            now = clock()
            if not self.session.is_waiting:
                idle_at = now
            is_stuck = now - max(idle_at, self._answered_at) > self._options.ack_timeout_s
            if not self._is_paused and (is_stuck or self._heartbeat.is_silent(now)):
                socket.abort()
            elif self.is_welcome and self._heartbeat.takes_ping(now):
                socket.send(_PING)
            if self._renews and not socket.closed.done():
                await self._renew(socket)
            # The welcome brings another heartbeat, which may be due sooner.
            ends = (socket.closed,) if self._greeted.done() else (socket.closed, self._greeted)
            await asyncio.wait(ends, timeout=self._heartbeat.pause(now), return_when=asyncio.FIRST_COMPLETED)
        if socket.closed.result()[0] == TOKEN_EXPIRED:
            self._tokens.forget()

    async def _renew(self, socket: WebSocket) -> None:
        """Show a fresh token; where none is to be had now, the next turn tries again."""
        with contextlib.suppress(Unavailable):
            socket.send(_encode({"type": "token", "token": await self._tokens.renew()}))
            self._renews = False

    def _hear(self, text: bytes) -> None:
        if self._is_ended:
            return
        self._heartbeat.hear(asyncio.get_running_loop().time())
        try:
            actions = self.session.receive(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):
            actions = [s.Reconnect("a frame was not what docs/protocol.md says")]
        self._do(actions)

    def _do(self, actions: list[s.Action]) -> None:
        for action in actions:
            if isinstance(action, s.Deliver):
                self._tell(action)
            elif isinstance(action, s.Transmit):
                assert self._socket is not None
                self._socket.send(_encode(action.frame))
            else:
                self._react(action)
                self._tell(action)

    def _react(self, action: s.Action) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(action, s.Acked | s.Failed):
            self._answered_at = loop.time()
        elif isinstance(action, s.Welcomed):
            self._heartbeat = Heartbeat(action.heartbeat_s, loop.time())
            if not self._greeted.done():
                self._greeted.set_result(None)
        elif isinstance(action, s.Pause):
            self._answered_at = loop.time()
            self._timers.append(loop.call_later(self._pause_s(action.retry_after_s), self._again, action.conversation))
        elif isinstance(action, s.RenewToken):
            self._renews = self._tokens.is_renewable
        elif isinstance(action, s.Moved):
            self.moved = action
        elif isinstance(action, s.Reconnect):
            self.abort()

    def _again(self, conversation: str) -> None:
        self._do(self.session.again(conversation))


def _encode(frame: object) -> bytes:
    return json.dumps(frame, separators=(",", ":")).encode()
