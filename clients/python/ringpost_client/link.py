"""A service's socket that is kept up for ever: opened again when it ends, and before it ends where the service says so."""

import asyncio
from collections.abc import Callable

from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.closing import TOKEN_EXPIRED, comes_back
from ringpost_client.errors import Stopped, Unavailable
from ringpost_client.line import Line
from ringpost_client.options import Options
from ringpost_client.outbox import Pending
from ringpost_client.tokens import Tokens

MOVE_BASE_S, MOVE_CAP_S = 0.1, 2.0


class Link:
    """Runs one line after the other. *make* makes a session; True: one that takes over. *tell* gets what they say.

    `without_socket_s` adds up the time between a line that had its welcome and the next one that has; `moves` counts the
    lines that took over from one that still stood.
    """

    def __init__(
        self, url: str, tokens: Tokens, options: Options, make: Callable[[bool], s.Session], tell: Callable[[s.Action], None]
    ) -> None:
        self._url = url.replace("http", "ws", 1).rstrip("/") + "/v1/socket"
        self._tokens, self._options = tokens, options
        self._make, self._tell = make, tell
        self._backoff = Backoff(options.backoff_base_s, options.backoff_cap_s)
        self._line: Line | None = None
        self._changed = asyncio.Event()
        self._retry_after_s, self._spread_s = 0.0, 0.0
        self._lost_at: float | None = None
        self._is_paused = False
        self.connects = self.moves = 0
        self.without_socket_s = 0.0

    @property
    def can_write(self) -> bool:
        """Whether it is up and takes sends."""
        return self._line is not None and self._line.session.can_write

    async def run(self) -> None:
        """Stay connected until this is cancelled.

        Raises:
            Stopped: the service says not to come back.
        """
        while True:
            self._retry_after_s = 0.0
            try:
                reason = await self._live()
            except Unavailable as error:
                self._retry_after_s, reason = error.retry_after_s or 0.0, str(error)
            self._tell(s.Away(reason))
            await asyncio.sleep(self._backoff.next(self._options.chance(), self._retry_after_s, self._spread_s))

    def offer(self, pending: Pending) -> None:
        """Send what was just put into the outbox; if the socket is away, the next one will."""
        if self._line is not None:
            self._line.offer(pending)

    def pause(self) -> None:
        """Read no further for now."""
        self._is_paused = True
        if self._line is not None:
            self._line.pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._line is not None:
            self._line.resume()

    async def _live(self) -> str:
        """One line after the other, each taking over from the one before; return why one ended with none in its place."""
        line = self._line = await self._open()
        self.connects += 1
        try:
            while (successor := await self._successor(line)) is not None:
                line.end()
                line = successor
                self.moves += 1
        finally:
            line.end()
            self._line, self._is_paused = None, False
            if line.is_welcome:
                self._lost_at = asyncio.get_running_loop().time()
        code, reason = line.closed.result()
        if not (comes_back(code) or (code == TOKEN_EXPIRED and self._tokens.is_renewable)):
            raise Stopped(code, reason)
        return f"{reason or 'the connection ended'} ({code})"

    async def _open(self, *, takes_over: bool = False) -> Line:
        line = Line(self._make(takes_over), self._tokens, self._options, self._hear, self._pause_s)
        await line.open(self._url)
        line.closed.add_done_callback(lambda _: self._changed.set())
        return line

    # Make before break.

    async def _successor(self, line: Line) -> Line | None:
        """Return the line that has taken over from *line*, which was told to move; None if that ended first.

        One that leads to the same gateway, or ends, or is refused, is tried again after a pause, while *line* serves.
        """
        await self._until(lambda: line.is_closed or line.moved is not None)
        if line.moved is None:
            return None
        backoff = Backoff(MOVE_BASE_S, MOVE_CAP_S)
        spread_s = min(line.moved.spread_s, line.moved.within_s / 2)
        pause_s = line.moved.retry_after_s + self._options.chance() * spread_s
        while True:
            await asyncio.wait((line.closed,), timeout=pause_s)
            if line.is_closed:
                return None
            retry_after_s = None
            try:
                if (second := await self._second(line)) is not None:
                    return second
            except Unavailable as error:
                retry_after_s = error.retry_after_s
            pause_s = backoff.next(self._options.chance(), retry_after_s)

    async def _second(self, line: Line) -> Line | None:
        """Open a line and have it take over; None if it can't."""
        second = await self._open(takes_over=True)
        has_taken_over = False
        try:
            has_taken_over = await self._take_over(line, second)
        finally:
            if not has_taken_over:
                second.end()
        return second if has_taken_over else None

    async def _take_over(self, line: Line, second: Line) -> bool:
        """Let *second* catch up and what is in flight be answered on *line*, so that no send overtakes another."""
        await self._until(lambda: second.session.is_settled or second.is_closed or line.is_closed)
        if not second.session.is_settled or second.session.gateway == line.session.gateway:
            return False
        line.session.hold()
        await self._until(lambda: not line.session.is_waiting or line.is_closed or second.is_closed)
        if second.is_closed:
            line.abort()  # it has held back sends, which the next one takes from the outbox
            return False
        self._line = second
        if self._is_paused:
            second.pause()
        second.take_over()
        return True

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that lines tell of, or for the end of one."""
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    # What the lines tell.

    def _hear(self, action: s.Action) -> None:
        if not isinstance(action, s.Deliver):
            self._note(action)
            self._changed.set()
        self._tell(action)

    def _note(self, action: s.Action) -> None:
        if isinstance(action, s.Acked | s.Failed | s.Alive | s.CaughtUp):
            self._backoff.reset()
        elif isinstance(action, s.Welcomed):
            self._spread_s = action.spread_s
            if self._lost_at is not None:
                self.without_socket_s += asyncio.get_running_loop().time() - self._lost_at
                self._lost_at = None
        elif isinstance(action, s.Dismissed):
            self._retry_after_s = action.retry_after_s
            self._spread_s = self._spread_s if action.spread_s is None else action.spread_s

    def _pause_s(self, retry_after_s: float | None) -> float:
        return self._backoff.next(self._options.chance(), retry_after_s)
