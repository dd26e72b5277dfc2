"""The client: sends that are never lost, events that come once, in order and without a hole."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from ringpost_client.api import Api
from ringpost_client.calls import Calls
from ringpost_client.conversation import Conversation, Means
from ringpost_client.counts import Counts
from ringpost_client.directory import Directory
from ringpost_client.errors import ClientError, Closed, Stopped
from ringpost_client.events import Event, State
from ringpost_client.figures import Figures
from ringpost_client.hearing import Hearing
from ringpost_client.keeper import Keeper
from ringpost_client.link import Link
from ringpost_client.listeners import Listeners
from ringpost_client.message import Message
from ringpost_client.network import Network
from ringpost_client.options import Options
from ringpost_client.pages import Listed
from ringpost_client.positions import Positions
from ringpost_client.poster import Poster
from ringpost_client.reading import Reading
from ringpost_client.sends import Sends
from ringpost_client.session import Acked, Action, Away, Failed, Session
from ringpost_client.states import States
from ringpost_client.store import Fsync
from ringpost_client.tasks import Tasks
from ringpost_client.tokens import Tokens, TokenSource
from ringpost_client.transport import AUTO, WRITING, Transport
from ringpost_client.writing import Via, Writing

Kind = TypeVar("Kind")


class Client:
    """One user at one Ringpost, as an async context manager.

    With a *state* folder, one for each user, the outbox and the positions outlive the process (`ringpost.db`). What the disk
    does not take fails, or, where *memory_will_do*, goes out all the same. The read socket opens with the first `events()`, the
    write socket with the first send, or at once if the outbox is not empty. *on_state* hears when a socket comes up and when it
    goes away, or can't be opened, and when the disk fails: each change once. *read_via* is by what events come, the best one
    first: where something between lets no WebSocket pass, by server-sent events, or else by long polls.

    Raises:
        OutboxLocked: on entering; another process has the state folder's outbox.
        StoreFailed: on entering; the state folder can't be had, and memory will not do.
    """

    def __init__(
        self,
        read_url: str,
        write_url: str,
        token: TokenSource,
        *,
        state: Path | None = None,
        memory_will_do: bool = False,
        positions: Positions | None = None,
        via: Via = Via.WS,
        read_via: Sequence[Transport] = AUTO,
        fsync: Fsync = Fsync.ALWAYS,
        options: Options | None = None,
        on_state: Callable[[State], None] | None = None,
    ) -> None:
        self._via, self._read_via = via, read_via
        self._options = options or Options()
        self._tokens = Tokens(token)
        self._start_positions = positions
        self._listeners = Listeners()
        self._states = States(self._listeners.tell)
        if on_state is not None:
            self._listeners.on(State, on_state)
        self._keeper = Keeper(state, fsync, self._states.hear_disk, memory_will_do=memory_will_do)
        self._tasks = Tasks(self._end)
        self._network = Network(read_url, write_url, self._tokens, self._options, self._tasks)
        self._hearing: Hearing | None = None

    def __repr__(self) -> str:
        return f"Client(read={self._network.urls['read']}, write={self._network.urls['write']})"

    async def __aenter__(self) -> Self:
        kept, seen = await self._keeper.open()
        self._closing = asyncio.Event()
        calls = Calls(lambda: self.api, self._tokens, self._options, self._closing)
        tell, memory_will_do = self._listeners.tell, self._keeper.memory_will_do
        self._sends = Sends(self._keeper.disk, lambda pending: self._writing.send(pending), tell, memory_will_do=memory_will_do)
        self._sends.restore(kept)
        reading = (self._open_reader, self._network.close_link, lambda why: self._states.hear("read", Away(why)))
        self._reading = Reading(self._start_positions or seen, calls, *reading)
        writing = (self._open_writer, self._make_poster, self._start_posting)
        self._writing = Writing(self._via, self._sends.outbox, lambda: self._reading.link, *writing)
        counts = Counts()
        self._directory = Directory(Means(self._sends, calls, self._reading, counts))
        self._hearing = Hearing(self._sends, self._reading, self._directory, counts, self._listeners)
        self.caught_up = self._hearing.caught_up
        started = asyncio.Event()
        self._running = asyncio.create_task(self._run(started))
        await started.wait()
        self._tasks.start(self._keeper.save_again(lambda: self.seen))
        for pending in self._sends.outbox:
            self._writing.send(pending)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close. What is not acknowledged stays in the outbox on disk; without a state folder it is given up."""
        await self._directory.finish()
        self._closing.set()
        await self._running

    @property
    def api(self) -> Api:
        """The HTTP calls, for who has another token, such as the admin key."""
        return self._network.api

    async def token(self) -> str:
        """Return the token that the calls of `api` want."""
        return await self._tokens.get()

    # Conversations.

    def conversation(self, id: str) -> Conversation:
        """Return the conversation of that id, whether it is mine or not: the service says.

        Raises:
            Refused: it is no UUID.
        """
        return self._directory.find(id)

    async def create(
        self,
        title: str | None = None,
        members: Sequence[str] = (),
        *,
        topic: str | None = None,
        history: str | None = None,
        access: str | None = None,
        id: str | None = None,
    ) -> Conversation:
        """Create a conversation. After Unavailable the same call with the same *id* finds what was made, if it was.

        *history*: `all` or `joined`; *access*: `invited` or `open` (docs/protocol.md, "Create a conversation").
        """
        about = {"title": title, "topic": topic, "history": history, "access": access}
        return await self._directory.create(about, members, id)

    async def direct(self, user: str) -> Conversation:
        """Open the conversation of me and one other user."""
        return await self._directory.direct(user)

    def conversations(self) -> AsyncIterator[Listed]:
        """Yield my conversations, by id, with what is unread."""
        return self._directory.listed()

    # What comes.

    def events(self) -> AsyncIterator[Event]:
        """Yield every event of every conversation, and of the inbox: each once, each log in order, no hole.

        It begins where the state folder, or *positions*, says that the app was, else where one joined. An event counts as seen
        when the next one is asked for; with a state folder it does not come again then. One consumer.

        Raises:
            Stopped: the service says not to come back.
        """
        return self._reading.events()

    def on(self, kind: type[Kind], listener: Callable[[Kind], None]) -> Callable[[], None]:
        """Have *listener* hear of each *kind*; return what ends that.

        State, Message (one of mine has another state), and, while events are followed, what passes by: Typing, Presence,
        ReadMarker, Receipts.
        """
        return self._listeners.on(kind, listener)

    def watch(self, *users: str) -> None:
        """Hear of these users' presence, up to 100, in place of those before: `on(Presence, …)`."""
        if not self._reading.watch(list(users)):
            self._tasks.start(self._reading.open())

    def read_by(self, *transports: Transport) -> None:
        """Read by these from now on, the best one first: nothing is lost, and nothing comes twice."""
        self._read_via = transports
        if self._reading.link is not None:
            self._reading.link.choose(transports)

    def hint(self) -> None:
        """The network may have come, gone or changed: try sooner what waits, ask at once whether the other end is there."""
        for link in self._links:
            link.hint()

    # What was said.

    @property
    def outbox(self) -> tuple[Message, ...]:
        """What is pending, or failed, in order; after entering, what the process before has left."""
        return self._sends.messages

    @property
    def pending(self) -> int:
        """How many of them are pending."""
        return self._sends.pending

    async def drained(self) -> None:
        """Wait until nothing is pending."""
        await self._sends.drained()

    # Figures.

    @property
    def user(self) -> str:
        """Who I am, as the service says; empty before a socket was up."""
        return self._hearing.user if self._hearing is not None else ""

    @property
    def positions(self) -> Positions:
        """What has come."""
        return self._reading.positions

    @property
    def seen(self) -> Positions:
        """How far the app has seen: up to the event before the one that it has from `events()` now."""
        return self._reading.feed.seen

    @property
    def transport(self) -> Transport | None:
        """By what events come now; None while they do not."""
        return self._reading.link.via if self._reading.link is not None else None

    @property
    def figures(self) -> Figures:
        """How the sockets have fared."""
        return self._network.figures(self._links)

    @property
    def reconnects(self) -> int:
        """How often a socket was opened again after it had ended."""
        return self.figures.reconnects

    @property
    def moves(self) -> int:
        """How often a gateway that was about to stop was left for another one before it did."""
        return self.figures.moves

    @property
    def switches(self) -> int:
        """How often another transport took over while the one before still stood."""
        return self.figures.switches

    @property
    def without_socket_s(self) -> float:
        """For how long a socket that had been up was away, in all; 0 as long as every socket was moved in time."""
        return self.figures.without_socket_s

    @property
    def _links(self) -> list[Link]:
        return [link for link in (self._reading.link, self._writing.link) if link is not None]

    # Reading.

    def _open_reader(self, positions: Positions) -> Link:
        def make(takes_over: bool) -> Session:
            outbox = self._sends.outbox if self._writing.reader_sends else None
            return Session(outbox, positions, takes_over=takes_over)

        def hear(action: Action) -> None:
            # One that another one has taken the place of may still tell of sends, which nobody else will.
            if self._reading.link is link or isinstance(action, Acked | Failed):
                self._hear_reading(action)

        link = self._network.open_link("read", make, hear, self._read_via)
        return link

    def _hear_reading(self, action: Action) -> None:
        self._states.hear("read", action)
        assert self._hearing is not None, "a link was opened before the client was entered"
        self._hearing.take(action)
        self._writing.look()

    # Writing.

    def _open_writer(self, make: Callable[[bool], Session]) -> Link:
        return self._network.open_link("write", make, self._hear_writing, WRITING)

    def _hear_writing(self, action: Action) -> None:
        self._states.hear("write", action)
        self._sends.hear(action)

    def _make_poster(self) -> Poster:
        return self._network.make_poster(self._sends.outbox, self._sends.hear)

    def _start_posting(self, poster: Poster, conversation: str) -> None:
        self._tasks.start(poster.drain(conversation), "write")

    # From the first to the last.

    def _end(self, service: str, error: ClientError) -> None:
        """A task of *service* has ended with *error*."""
        if isinstance(error, Stopped):
            self._states.stop(service, error)
        self._fail(error)

    def _fail(self, error: ClientError) -> None:
        self._sends.fail(error)
        self._reading.feed.fail(error)

    async def _run(self, started: asyncio.Event) -> None:
        """Hold every task of this client until it is closed."""
        try:
            await self._tasks.hold(started, self._closing)
        finally:
            self._fail(Closed("this client was closed"))
            await self._keeper.close(self.seen)
            await self._network.close()
