"""A socket that is kept up for ever: connected, greeted, listened to, and opened again when it ends."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.closing import TOKEN_EXPIRED, comes_back
from ringpost_client.errors import Stopped, Unavailable
from ringpost_client.heartbeat import Heartbeat
from ringpost_client.outbox import Pending
from ringpost_client.tokens import Tokens
from ringpost_client.websocket import WebSocket, connect

WELCOME_HEARTBEAT_S = 4.0  # until the welcome tells: 2.5 times that for it to come
_PING = b'{"type":"ping"}'


@dataclass(frozen=True, slots=True)
class Options:
    """The waits of a link. *local_address* is the address to connect from."""

    connect_timeout_s: float = 10.0
    ack_timeout_s: float = 20.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    local_address: str | None = None
    chance: Callable[[], float] = field(default=random.random)


class Link:
    """Runs one session after the other. *tell* gets what the session says to the outside."""

    def __init__(
        self, url: str, tokens: Tokens, options: Options, make: Callable[[], s.Session], tell: Callable[[s.Action], None]
    ) -> None:
        self._url = url.replace("http", "ws", 1).rstrip("/") + "/v1/socket"
        self._tokens, self._options = tokens, options
        self._make, self._tell = make, tell
        self._backoff = Backoff(options.backoff_base_s, options.backoff_cap_s)
        self._session: s.Session | None = None
        self._socket: WebSocket | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._heartbeat = Heartbeat(WELCOME_HEARTBEAT_S, 0)
        self._answered_at = 0.0
        self._renews = self._is_paused = False
        self.connects = 0

    @property
    def can_write(self) -> bool:
        """Whether it is up and takes sends."""
        return self._session is not None and self._session.can_write

    @property
    def is_welcome(self) -> bool:
        return self._session is not None and bool(self._session.roles)

    async def run(self) -> None:
        """Stay connected until this is cancelled.

        Raises:
            Stopped: the service says not to come back.
        """
        while True:
            retry_after_s = None
            try:
                reason = await self._live()
            except Unavailable as error:
                retry_after_s, reason = error.retry_after_s, str(error)
            self._tell(s.Away(reason))
            await asyncio.sleep(self._backoff.next(self._options.chance(), retry_after_s))

    def offer(self, pending: Pending) -> None:
        """Send what was just put into the outbox; if the socket is away, the next one will."""
        if self._session is not None:
            self._do(self._session.offer(pending))

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

    async def _live(self) -> str:
        """One socket, from the connection to its end; return why it ended."""
        token = await self._tokens.get()
        socket = await connect(self._url, self._hear, self._options.local_address, self._options.connect_timeout_s)
        self.connects += 1
        self._socket, self._session = socket, self._make()
        self._heartbeat = Heartbeat(WELCOME_HEARTBEAT_S, asyncio.get_running_loop().time())
        socket.send(_encode(self._session.hello(token)))
        try:
            await self._watch(socket)
        finally:
            socket.finish()
            self._end()
        code, reason = socket.closed.result()
        self._judge(code, reason)
        return f"{reason or 'the connection ended'} ({code})"

    def _end(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._session = self._socket = None
        self._is_paused = False

    def _judge(self, code: int, reason: str) -> None:
        if code == TOKEN_EXPIRED and self._tokens.is_renewable:
            self._tokens.forget()
        elif not comes_back(code):
            raise Stopped(code, reason)

    async def _watch(self, socket: WebSocket) -> None:
        """Ping, and give up a silent peer, until the socket is closed."""
        clock = asyncio.get_running_loop().time
        idle_at = clock()
        while not socket.closed.done():
            now = clock()
            if self._session is None or not self._session.is_waiting:
                idle_at = now
            is_stuck = now - max(idle_at, self._answered_at) > self._options.ack_timeout_s
            if not self._is_paused and (is_stuck or self._heartbeat.is_silent(now)):
                socket.abort()
            elif self.is_welcome and self._heartbeat.takes_ping(now):
                socket.send(_PING)
            if self._renews and not socket.closed.done():
                await self._renew(socket)
            await asyncio.wait((socket.closed,), timeout=self._heartbeat.pause(now))

    async def _renew(self, socket: WebSocket) -> None:
        """Show a fresh token; where none is to be had now, the next turn tries again."""
        with contextlib.suppress(Unavailable):
            socket.send(_encode({"type": "token", "token": await self._tokens.renew()}))
            self._renews = False

    def _hear(self, text: bytes) -> None:
        if self._session is None:
            return
        self._heartbeat.hear(asyncio.get_running_loop().time())
        try:
            actions = self._session.receive(json.loads(text))
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
            elif isinstance(action, s.Acked | s.Failed):
                self._answered_at = asyncio.get_running_loop().time()
                self._backoff.reset()
                self._tell(action)
            else:
                self._control(action)

    def _control(self, action: s.Action) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(action, s.Welcomed):
            self._heartbeat = Heartbeat(action.heartbeat_s, loop.time())
        elif isinstance(action, s.Pause):
            self._answered_at = loop.time()
            pause_s = self._backoff.next(self._options.chance(), action.retry_after_s)
            self._timers.append(loop.call_later(pause_s, self._again, action.conversation))
        elif isinstance(action, s.RenewToken):
            self._renews = self._tokens.is_renewable
        elif isinstance(action, s.Reconnect) and self._socket is not None:
            self._socket.abort()
        elif isinstance(action, s.Alive | s.CaughtUp):
            self._backoff.reset()
        self._tell(action)

    def _again(self, conversation: str) -> None:
        if self._session is not None:
            self._do(self._session.again(conversation))


def _encode(frame: object) -> bytes:
    return json.dumps(frame, separators=(",", ":")).encode()
