"""What a client reads, whatever its transport: what it missed, as named ranges, then live events, without gap or repeat."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from uuid import UUID

import msgspec

from services.read.channel import Push
from services.read.hub import Hub, Served
from services.read.line import Urgency
from services.read.resume import Plan, Start
from shared import frames
from shared.close_codes import CloseCode
from shared.errors import PositionLost
from shared.metrics import Histogram
from shared.storage.conversations import inbox_id
from shared.storage.history import History


class _InboxEvent(msgspec.Struct):
    type: str
    conversation: UUID | None = None
    joined: int = 0


class _InboxFrame(msgspec.Struct):
    events: list[_InboxEvent]


_decode_inbox = msgspec.json.Decoder(_InboxFrame).decode


class _Pending:
    """Conversations that are not followed yet, and those that the inbox says were joined again, with the seqs of that."""

    __slots__ = ("again", "wanted")

    def __init__(self) -> None:
        self.wanted: set[UUID] = set()
        self.again: dict[UUID, int] = {}


class Reading(ABC):
    """One client's reading. It holds the logs that it follows, and lets go of them at the end.

    A transport says how frames are written, and where in a log those stand that get its live events.
    """

    __slots__ = ("_held", "_history", "_hub", "_is_closed", "_pending")

    def __init__(self, hub: Hub, history: History) -> None:
        self._hub, self._history = hub, history
        self._held: dict[UUID, Served] = {}
        self._pending: _Pending | None = _Pending()
        self._is_closed = False

    # What a transport adds.

    @property
    @abstractmethod
    def user(self) -> str: ...

    @abstractmethod
    def send(self, payload: bytes) -> None:
        """Send one JSON frame."""

    @abstractmethod
    def write(self, served: Served, frame: bytes, push: Push) -> None:
        """Write the events of *push*; *frame* is its frame, finished for a WebSocket."""

    @abstractmethod
    def offer(self, frame: bytes) -> None:
        """Send a JSON frame that may be left out, if it would not have to wait."""

    @abstractmethod
    async def drained(self) -> None:
        """Wait until the client has read most of what was written, or is gone."""

    @abstractmethod
    def end(self, code: CloseCode, reason: str) -> None:
        """Tell the client to come back, or why not; told again, nothing happens."""

    @abstractmethod
    def enter(self, served: Served) -> None:
        """Get the live events of a log from now on."""

    @abstractmethod
    def withdraw(self, served: Served) -> None:
        """Get them no longer."""

    @abstractmethod
    def is_live(self, served: Served) -> bool:
        """Say whether the client gets the live events of a log."""

    # From the beginning to the end.

    def start(self, chosen: Plan, epoch: UUID, times: Histogram) -> None:
        """Begin the catch-up, in a task that ends with it; *times* is told how long it took."""
        self._hub.start(self._whole(self._catch_up(chosen, epoch, times)))

    def close(self) -> None:
        self._is_closed = True
        while self._held:
            self._let_go(self._held.popitem()[1])

    def follows(self, log: UUID) -> bool:
        return log in self._held

    def lose(self) -> None:
        self.end(CloseCode.UNAVAILABLE, "the database has another history; begin anew")

    async def _whole(self, work: Awaitable[None]) -> None:
        """Do *work*; where that fails the client would miss something, and must come back."""
        try:
            await work
        except PositionLost:
            self.lose()
        except BaseException:
            self.end(CloseCode.UNAVAILABLE, "the catch-up broke off; come back with your positions")
            raise

    # Live.

    def push(self, log: UUID, frame: bytes, push: Push) -> None:
        served = self._held.get(log)
        if served is not None:
            self._take(served, frame, push)

    def leave(self, log: UUID) -> None:
        """The user is in this conversation no longer; unless they joined again, which the inbox may have told before."""
        served = self._held.pop(log, None)
        if served is not None:
            self._let_go(served)
            self._forget(log)

    def _take(self, served: Served, frame: bytes, push: Push) -> None:
        self.write(served, frame, push)
        if served.is_inbox:
            self._learn(push.frame)

    def _let_go(self, served: Served) -> None:
        self.withdraw(served)
        self._hub.release(served)

    def _learn(self, payload: bytes) -> None:
        """An inbox frame was pushed: follow the conversations that it says were joined."""
        for event in _decode_inbox(payload).events:
            conversation = event.conversation
            if event.type != "joined" or conversation is None:
                continue
            served = self._held.get(conversation)
            if served is not None and served.channel is not None and served.channel.pushed >= event.joined:
                continue
            pending = self._pending
            if served is not None or (pending is not None and conversation in pending.wanted):
                self._pending = pending = pending or _Pending()
                pending.again[conversation] = event.joined
            else:
                self._begin_to_join(conversation)

    def _forget(self, log: UUID) -> None:
        pending = self._pending
        if pending is not None:
            pending.wanted.discard(log)
            if pending.again.pop(log, None) is not None:
                self._begin_to_join(log)
            self._tidy()

    def _tidy(self) -> None:
        """Forget what need not be remembered any more: mostly nothing is left."""
        pending = self._pending
        if pending is None:
            return
        for log, joined in tuple(pending.again.items()):
            served = self._held.get(log)
            if served is not None and served.channel is not None and served.channel.pushed >= joined:
                del pending.again[log]
        if not pending.wanted and not pending.again:
            self._pending = None

    def _begin_to_join(self, conversation: UUID) -> None:
        self._pending = self._pending or _Pending()
        self._pending.wanted.add(conversation)
        self._hub.start(self._whole(self._join(conversation)))

    async def _join(self, conversation: UUID) -> None:
        memberships = await self._history.memberships(self.user, conversation)
        membership = memberships.of.get(conversation)
        if membership is None or self._is_closed:
            self._forget(conversation)
            return
        start = Start(conversation, membership.joined - 1, membership.head.seq, True)
        self.send(frames.encode({"type": "range"} | start.range()))
        await self._follow(conversation, start.position)

    # Catch-up.

    async def _catch_up(self, chosen: Plan, epoch: UUID, times: Histogram) -> None:
        began = time.monotonic()
        self._tell_lost(chosen, epoch)
        assert self._pending is not None
        self._pending.wanted |= {start.conversation for start in chosen.starts}
        for n, start in enumerate(chosen.starts):
            urgency = Urgency.WATCHED if n < chosen.urgent else Urgency.MISSED
            await self._follow(start.conversation, start.position, urgency)
        await self._follow(inbox_id(self.user), chosen.inbox, is_inbox=True)
        self._tidy()
        self.send(b'{"type":"caught_up"}')
        times.observe(time.monotonic() - began)

    def _tell_lost(self, chosen: Plan, epoch: UUID) -> None:
        frame = {"type": "position_lost", "epoch": epoch}
        if chosen.inbox_lost:
            self.send(frames.encode(frame))
        for conversation in chosen.lost:
            self.send(frames.encode(frame | {"conversation": conversation}))

    async def _follow(self, log: UUID, position: int, urgency: Urgency = Urgency.MISSED, *, is_inbox: bool = False) -> None:
        """Send the events after *position* up to what the channel has pushed, then join it in the same instant."""
        served = await self._hub.serve(log, is_inbox=is_inbox)
        if self._is_closed:
            self._hub.release(served)
            return
        self._held[served.log] = served
        if self._pending is not None:
            self._pending.wanted.discard(log)
        while not self._is_closed:
            channel = served.channel
            assert channel is not None
            if channel.pushed < position:
                await self._hub.reach(served, position)
                continue
            tail = channel.since(position)
            if tail is not None:
                self._join_channel(served, tail)
                return
            page = await self._hub.read(served, position, channel.pushed, urgency)
            if page is None:
                raise PositionLost
            if self._is_closed or not self._write(served, page):
                return
            position = page.last
            await self.drained()

    def _join_channel(self, served: Served, tail: Sequence[Push]) -> None:
        self._hub.flush()
        self.enter(served)
        for push in tail:
            if not self._write(served, push):
                return

    def _write(self, served: Served, push: Push) -> bool:
        """Write frames of the catch-up; say whether the log is still followed after them."""
        self._take(served, frames.wire(push.frame), push)
        if push.gone == self.user:
            self.leave(served.log)
        return served.log in self._held
