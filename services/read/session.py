"""A read socket: what was missed, as named ranges, then live events, with no gap and no repeat at the seam."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from services.read.arrivals import Arrivals
from services.read.channel import Push
from services.read.company import Company
from services.read.hub import Hub, Served
from services.read.resume import Cursor, Plan, Start, plan
from shared import frames
from shared.close_codes import CloseCode
from shared.errors import PositionLost
from shared.storage.conversations import inbox_id
from shared.storage.history import History
from shared.websocket.edge import Edge
from shared.websocket.socket import Socket


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


class Session:
    """One socket's reading. It holds the logs that it follows, and lets go of them at the end.

    A conversation's frames go straight to the socket's edge once it is caught up; the inbox's come through `push`.
    """

    __slots__ = ("_held", "_history", "_hub", "_is_closed", "_pending", "_socket")

    def __init__(self, socket: Socket, hub: Hub, history: History) -> None:
        self._socket, self._hub, self._history = socket, hub, history
        self._held: dict[UUID, Served] = {}
        self._pending: _Pending | None = _Pending()
        self._is_closed = False

    @property
    def user(self) -> str:
        return self._socket.user

    def start(self, chosen: Plan, epoch: UUID) -> None:
        """Begin the catch-up, in a task that ends with it."""
        self._hub.start(self._catch_up(chosen, epoch))

    def close(self) -> None:
        self._is_closed = True
        while self._held:
            self._let_go(self._held.popitem()[1])

    def follows(self, log: UUID) -> bool:
        return log in self._held

    # Live.

    def push(self, log: UUID, frame: bytes, push: Push) -> None:
        self._socket.push(frame)
        self._learn(push.frame)

    def lose(self) -> None:
        self._socket.close(CloseCode.UNAVAILABLE, "the database has another history; say hello again")

    def leave(self, log: UUID) -> None:
        """The user is in this conversation no longer; unless they joined again, which the inbox may have told before."""
        served = self._held.pop(log, None)
        if served is not None:
            self._let_go(served)
            self._forget(log)

    def _let_go(self, served: Served) -> None:
        served.followers.discard(self)
        served.edges.discard(self._socket.edge)
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
                self._hub.start(self._join(conversation))

    def _forget(self, log: UUID) -> None:
        pending = self._pending
        if pending is not None:
            pending.wanted.discard(log)
            if pending.again.pop(log, None) is not None:
                self._hub.start(self._join(log))
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

    async def _join(self, conversation: UUID) -> None:
        self._pending = self._pending or _Pending()
        self._pending.wanted.add(conversation)
        memberships = await self._history.memberships(self.user, conversation)
        membership = memberships.of.get(conversation)
        if membership is None or self._is_closed:
            self._forget(conversation)
            return
        start = Start(conversation, membership.joined - 1, membership.head.seq, True)
        self._socket.send(frames.encode({"type": "range"} | start.range()))
        await self._follow(conversation, start.position)

    # Catch-up.

    async def _catch_up(self, chosen: Plan, epoch: UUID) -> None:
        self._tell_lost(chosen, epoch)
        assert self._pending is not None
        self._pending.wanted |= {start.conversation for start in chosen.starts}
        try:
            for start in chosen.starts:
                await self._follow(start.conversation, start.position)
            await self._follow(inbox_id(self.user), chosen.inbox, is_inbox=True)
        except PositionLost:
            self.lose()
            return
        except BaseException:
            self._socket.close(CloseCode.UNAVAILABLE, "the catch-up broke off; come back with your positions")
            raise
        self._tidy()
        self._socket.send(b'{"type":"caught_up"}')

    def _tell_lost(self, chosen: Plan, epoch: UUID) -> None:
        frame = {"type": "position_lost", "epoch": epoch}
        if chosen.inbox_lost:
            self._socket.send(frames.encode(frame))
        for conversation in chosen.lost:
            self._socket.send(frames.encode(frame | {"conversation": conversation}))

    async def _follow(self, log: UUID, position: int, *, is_inbox: bool = False) -> None:
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
            page = await self._hub.read(served, position, channel.pushed)
            if page is None:
                raise PositionLost
            if self._is_closed or not self._write(served, page):
                return
            position = page.last
            await self._socket.drained()

    def _join_channel(self, served: Served, tail: Sequence[Push]) -> None:
        self._hub.flush()
        if served.is_inbox:
            served.followers.add(self)
        else:
            served.edges.add(self._socket.edge)
        for push in tail:
            if not self._write(served, push):
                return

    def _write(self, served: Served, push: Push) -> bool:
        """Write frames of the catch-up; say whether the log is still followed after them."""
        if served.is_inbox:
            self.push(served.log, frames.wire(push.frame), push)
        else:
            self._socket.push(frames.wire(push.frame))
            if push.gone == self.user:
                self.leave(served.log)
        return served.log in self._held


class ReadRole:
    """The sockets' role `read`."""

    name = "read"
    takes: tuple[type, ...] = Company.takes

    def __init__(self, hub: Hub, history: History, company: Company) -> None:
        self._hub, self._history, self._company = hub, history, company
        self._arrivals = Arrivals(history, hub)
        self._sessions: dict[Socket, Session] = {}
        self._by_user: dict[str, tuple[Socket, ...]] = {}
        self._plans: dict[Socket, tuple[Plan, UUID]] = {}
        company.sockets_of = self._sockets_of
        hub.on_gone, hub.on_lost = self._put_out, self._lose

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        memberships = await self._arrivals.memberships(socket.user)
        chosen = plan(Cursor(hello.epoch, hello.inbox, hello.positions), memberships)
        self._sessions[socket] = Session(socket, self._hub, self._history)
        self._plans[socket] = chosen, memberships.epoch
        self._by_user[socket.user] = (*self._by_user.get(socket.user, ()), socket)
        self._company.came(socket)
        ranges = [start.range() for start in chosen.starts]
        markers = {membership.conversation: membership.read for membership in memberships.of.values() if membership.read}
        return {"epoch": memberships.epoch, "inbox": memberships.inbox_head, "ranges": ranges, "markers": markers}

    def opened(self, socket: Socket) -> None:
        self._sessions[socket].start(*self._plans.pop(socket))

    def receive(self, socket: Socket, frame: Any) -> None:
        self._company.receive(socket, frame, self._sessions[socket].follows)

    def closed(self, socket: Socket) -> None:
        session = self._sessions.pop(socket, None)
        self._plans.pop(socket, None)
        if session is not None:
            session.close()
            self._company.left(socket)
            self._by_user[socket.user] = tuple(other for other in self._by_user[socket.user] if other is not socket)
            if not self._by_user[socket.user]:
                del self._by_user[socket.user]

    def _put_out(self, served: Served, user: str) -> None:
        """The event that puts *user* out of a conversation has been pushed."""
        for socket in self._by_user.get(user, ()):
            if socket.edge in served.edges:
                self._sessions[socket].leave(served.log)
        self._company.parted(user)

    def _lose(self, edges: Iterable[Edge]) -> None:
        lost = set(edges)
        for socket, session in tuple(self._sessions.items()):
            if socket.edge in lost:
                session.lose()

    def _sockets_of(self, user: str) -> Sequence[Socket]:
        return self._by_user.get(user, ())
