"""The client: sends that are never lost, events that come once, in order and without a hole."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ringpost_client.api import Api
from ringpost_client.errors import ClientError, Closed
from ringpost_client.events import Ack, Event, State
from ringpost_client.feed import Feed
from ringpost_client.journal import Fsync
from ringpost_client.link import Link
from ringpost_client.options import Options
from ringpost_client.outbox import Pending
from ringpost_client.positions import Positions
from ringpost_client.poster import Poster
from ringpost_client.sends import Sends
from ringpost_client.session import Action, Away, CaughtUp, Deliver, Seated, Session, Welcomed
from ringpost_client.state import load_positions
from ringpost_client.tokens import Tokens, TokenSource
from ringpost_client.transport import AUTO, Transport

SAVE_EVERY_S = 1.0


class Via(StrEnum):
    """How sends go out."""

    WS = "ws"
    POST = "post"


class Client:
    """One user at one Ringpost, as an async context manager.

    With a *state* folder the outbox and the positions outlive the process (`outbox.log`, `positions.json`). The read socket
    opens with the first `events()`, the write socket with the first send, or at once if the outbox is not empty. *on_state*
    hears when a socket comes up and when it goes away, or can't be opened: each change once. *read_via* is by what events come,
    the best one first: where something between lets no WebSocket pass, by server-sent events, or else by long polls.

    Raises:
        OutboxLocked: on entering; another process has the state folder's outbox.
    """

    def __init__(
        self,
        read_url: str,
        write_url: str,
        token: TokenSource,
        *,
        state: Path | None = None,
        positions: Positions | None = None,
        via: Via = Via.WS,
        read_via: Sequence[Transport] = AUTO,
        fsync: Fsync = Fsync.ALWAYS,
        options: Options | None = None,
        on_state: Callable[[State], None] | None = None,
    ) -> None:
        self._urls, self._via, self._fsync = (read_url, write_url), via, fsync
        self._read_via = read_via
        self._options = options or Options()
        self._tokens = Tokens(token)
        self._state = state
        self._on_state, self._is_up = on_state, dict[str, bool]()
        self.positions = positions or (load_positions(state / "positions.json") if state else Positions())
        self._tasks: set[asyncio.Task[None]] = set()
        self._api: Api | None = None
        self._reader: Link | None = None
        self._writer: Link | None = None
        self._poster: Poster | None = None

    def __repr__(self) -> str:
        return f"Client(read={self._urls[0]}, write={self._urls[1]})"

    async def __aenter__(self) -> Self:
        self._sends = Sends(self._state / "outbox.log" if self._state else None, self._fsync, self._send_out)
        self._feed = Feed(self.positions, self._state / "positions.json" if self._state else None, self._hold)
        self._closing, self.caught_up = asyncio.Event(), asyncio.Event()
        started = asyncio.Event()
        self._running = asyncio.create_task(self._run(started))
        await started.wait()
        for pending in self._sends.outbox:
            self._send_out(pending)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close. What is not acknowledged stays in the outbox on disk; without a state folder it is given up."""
        self._closing.set()
        await self._running

    @property
    def api(self) -> Api:
        """The HTTP calls."""
        if self._api is None:
            self._api = Api(*self._urls, self._options.local_address)
        return self._api

    @property
    def pending(self) -> int:
        """How many sends are not acknowledged yet."""
        return len(self._sends.outbox)

    @property
    def outbox(self) -> tuple[Pending, ...]:
        """The sends that are not acknowledged yet, in order; after entering, those of the process before.

        `send` with one's conversation, text and id returns what will be its acknowledgement; it goes out no second time.
        """
        return tuple(self._sends.outbox)

    @property
    def seen(self) -> Positions:
        """How far the app has seen: up to the event before the one that it has from `events()` now."""
        return self._feed.seen

    @property
    def reconnects(self) -> int:
        """How often a socket was opened again after it had ended."""
        return sum(max(link.connects - 1, 0) for link in self._links)

    @property
    def moves(self) -> int:
        """How often a gateway that was about to stop was left for another one before it did."""
        return sum(link.moves for link in self._links)

    @property
    def without_socket_s(self) -> float:
        """For how long a socket that had been up was away, in all; 0 as long as every socket was moved in time."""
        return sum(link.without_socket_s for link in self._links)

    @property
    def transport(self) -> Transport | None:
        """By what events come now; None while they do not."""
        return self._reader.via if self._reader is not None else None

    @property
    def switches(self) -> int:
        """How often another transport took over while the one before still stood."""
        return sum(link.switches for link in self._links)

    @property
    def _links(self) -> list[Link]:
        return [link for link in (self._reader, self._writer) if link is not None]

    async def token(self) -> str:
        """Return the token that the calls of `api` want."""
        return await self._tokens.get()

    def send(self, conversation: str, text: str, id: str | None = None) -> asyncio.Future[Ack]:
        """Put a message into the outbox and return what will be its acknowledgement.

        It goes out whether that is awaited or not, in the order of the calls within a conversation. The future ends in
        Refused if the service refused it for good, in Stopped or Closed if this client ended first.
        """
        return self._sends.add(conversation, text, id)

    def events(self) -> AsyncIterator[Event]:
        """Yield every event of every conversation, and of the inbox: each once, each log in order, no hole.

        An event counts as seen when the next one is asked for; with a state folder it does not come again then. One consumer.

        Raises:
            Stopped: the service says not to come back.
        """
        if self._reader is None:
            make, hear = self._make_reading, self._hear_reading
            self._reader = Link(self._urls[0], self._tokens, self._options, make, hear, self._get_api, self._read_via)
            self._start(self._reader.run())
        return self._feed.events()

    def read_by(self, *transports: Transport) -> None:
        """Read by these from now on, the best one first: nothing is lost, and nothing comes twice."""
        self._read_via = transports
        if self._reader is not None:
            self._reader.choose(transports)

    def hint(self) -> None:
        """The network may have come, gone or changed: try sooner what waits, ask at once whether the other end is there."""
        for link in self._links:
            link.hint()

    async def drained(self) -> None:
        """Wait until nothing is pending."""
        await self._sends.drained()

    def _get_api(self) -> Api:
        return self.api

    def _make_reading(self, takes_over: bool) -> Session:
        sends_here = self._writer is None and self._via is Via.WS
        return Session(self._sends.outbox if sends_here else None, self.positions, takes_over=takes_over)

    def _make_writing(self, takes_over: bool) -> Session:
        return Session(self._sends.outbox, None, takes_over=takes_over)

    def _send_out(self, pending: Pending) -> None:
        """Give a send to the one way out: the read socket if that can write, else a socket of its own, or a POST."""
        if self._via is Via.POST:
            self._post(pending)
        elif self._writer is None and self._reader is not None and self._reader.can_write:
            self._reader.offer(pending)
        else:
            self._open_writer().offer(pending)

    def _open_writer(self) -> Link:
        if self._writer is None:
            make, hear = self._make_writing, self._hear_writing
            self._writer = Link(self._urls[1], self._tokens, self._options, make, hear, self._get_api)
            self._start(self._writer.run())
        return self._writer

    def _post(self, pending: Pending) -> None:
        if self._poster is None:
            self._poster = Poster(self.api, self._tokens, self._sends.outbox, self._options, self._sends.hear)
        if self._poster.wants(pending.conversation):
            self._start(self._poster.drain(pending.conversation))

    def _hear_writing(self, action: Action) -> None:
        """Take what the write socket's link tells."""
        self._note("write", action)
        self._sends.hear(action)

    def _hear_reading(self, action: Action) -> None:
        """Take what the read socket's link tells."""
        self._note("read", action)
        if isinstance(action, Deliver | Seated):
            self._feed.put(action)
        elif isinstance(action, CaughtUp):
            self.caught_up.set()
        else:
            self._sends.hear(action)
        if self._sends.outbox and self._via is Via.WS and self._reader is not None and self._reader.is_read_only:
            self._open_writer()

    def _note(self, service: str, action: Action) -> None:
        """Tell the app of a change of a socket's state."""
        if not isinstance(action, Welcomed | Away):
            return
        is_up = isinstance(action, Welcomed)
        if self._is_up.get(service) is not is_up:
            self._is_up[service] = is_up
            if self._on_state is not None:
                self._on_state(State(service, is_up, action.reason if isinstance(action, Away) else ""))

    def _hold(self, full: bool) -> None:
        if self._reader is not None:
            (self._reader.pause if full else self._reader.resume)()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as error:
            self._fail(error)

    def _fail(self, error: ClientError) -> None:
        self._sends.fail(error)
        self._feed.fail(error)

    async def _run(self, started: asyncio.Event) -> None:
        """Hold every task of this client until it is closed."""
        try:
            async with asyncio.TaskGroup() as self._group:
                started.set()
                self._start(self._keep_positions())
                await self._closing.wait()
                for task in self._tasks:
                    task.cancel()
        finally:
            self._fail(Closed("this client was closed"))
            self._feed.save()
            self._sends.close()
            if self._api is not None:
                await self._api.close()

    async def _keep_positions(self) -> None:
        while self._state is not None:
            await asyncio.sleep(SAVE_EVERY_S)
            # On a full disk the older positions stay: some events come again, none is missed.
            with contextlib.suppress(OSError):
                self._feed.save()
