"""A read socket: what was missed, as named ranges, then live events, with no gap and no repeat at the seam."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from services.read.channel import Push
from services.read.hub import Hub, Served
from services.read.marks import Marks
from services.read.resume import Cursor, Plan, Start, plan
from shared import frames
from shared.close_codes import CloseCode
from shared.errors import PositionLost
from shared.storage.conversations import inbox_id
from shared.storage.history import History, Memberships
from shared.websocket.socket import Socket


class _InboxEvent(msgspec.Struct):
    type: str
    conversation: UUID | None = None


class _InboxFrame(msgspec.Struct):
    events: list[_InboxEvent]


_decode_inbox = msgspec.json.Decoder(_InboxFrame).decode


class Session:
    """One socket's reading. It holds the logs that it follows, and lets go of them at the end."""

    def __init__(self, socket: Socket, hub: Hub, history: History, chosen: Plan, memberships: Memberships) -> None:
        self._socket, self._hub, self._history = socket, hub, history
        self._plan = chosen
        self._memberships = memberships
        self._held: dict[UUID, Served] = {}
        self._wanted: set[UUID] = set()
        self._joined_again: set[UUID] = set()
        self._is_closed = False

    @property
    def user(self) -> str:
        return self._socket.user

    def start(self) -> None:
        """Begin the catch-up, in a task that ends with it."""
        self._hub.start(self._catch_up())

    def close(self) -> None:
        self._is_closed = True
        for served in self._held.values():
            served.followers.discard(self)
            self._hub.release(served)
        self._held.clear()

    # Live.

    def push(self, log: UUID, frame: bytes, push: Push) -> None:
        self._socket.push(frame)
        if self._held[log].is_inbox:
            self._learn(push.frame)
        elif push.gone == self.user:
            self._leave(log)

    def lose(self) -> None:
        self._socket.close(CloseCode.UNAVAILABLE, "the database has another history; say hello again")

    def _learn(self, payload: bytes) -> None:
        """An inbox frame was pushed: follow the conversations that it says were joined."""
        for event in _decode_inbox(payload).events:
            if event.type != "joined" or event.conversation is None:
                continue
            if event.conversation in self._held or event.conversation in self._wanted:
                self._joined_again.add(event.conversation)
            else:
                self._hub.start(self._join(event.conversation))

    def _leave(self, log: UUID) -> None:
        """The user is in this conversation no longer; unless they joined again, which the inbox may have told before."""
        served = self._held.pop(log)
        served.followers.discard(self)
        self._hub.release(served)
        self._forget(log)

    def _forget(self, log: UUID) -> None:
        self._wanted.discard(log)
        if log in self._joined_again:
            self._joined_again.discard(log)
            self._hub.start(self._join(log))

    async def _join(self, conversation: UUID) -> None:
        self._wanted.add(conversation)
        memberships = await self._history.memberships(self.user, conversation)
        membership = memberships.of.get(conversation)
        if membership is None or self._is_closed:
            self._forget(conversation)
            return
        start = Start(conversation, membership.joined - 1, membership.head.seq, True)
        self._socket.send(frames.encode({"type": "range"} | start.range()))
        await self._follow(conversation, start.position)

    # Catch-up.

    async def _catch_up(self) -> None:
        self._tell_lost()
        self._wanted |= {start.conversation for start in self._plan.starts}
        try:
            for start in self._plan.starts:
                await self._follow(start.conversation, start.position)
            await self._follow(inbox_id(self.user), self._plan.inbox, is_inbox=True)
        except PositionLost:
            self.lose()
            return
        except BaseException:
            self._socket.close(CloseCode.UNAVAILABLE, "the catch-up broke off; come back with your positions")
            raise
        self._socket.send(b'{"type":"caught_up"}')

    def _tell_lost(self) -> None:
        frame = {"type": "position_lost", "epoch": self._memberships.epoch}
        if self._plan.inbox_lost:
            self._socket.send(frames.encode(frame))
        for conversation in self._plan.lost:
            self._socket.send(frames.encode(frame | {"conversation": conversation}))

    async def _follow(self, log: UUID, position: int, *, is_inbox: bool = False) -> None:
        """Send the events after *position* up to what the channel has pushed, then join it in the same instant."""
        served = await self._hub.serve(log, is_inbox=is_inbox)
        if self._is_closed:
            self._hub.release(served)
            return
        self._held[log] = served
        while not self._is_closed:
            channel = served.channel
            assert channel is not None
            tail = channel.since(position)
            if tail is not None:
                served.followers.add(self)
                for push in tail:
                    if log in self._held:
                        self.push(log, frames.wire(push.frame), push)
                return
            page = await self._hub.read(served, position, channel.pushed)
            if page is None:
                raise PositionLost
            if self._is_closed:
                return
            self.push(log, frames.wire(page.frame), page)
            if log not in self._held:
                return
            position = page.last
            await self._socket.drained()


class ReadRole:
    """The sockets' role `read`."""

    name = "read"
    takes: tuple[type, ...] = (frames.Read,)

    def __init__(self, hub: Hub, history: History, marks: Marks) -> None:
        self._hub, self._history, self._marks = hub, history, marks
        self._sessions: dict[Socket, Session] = {}
        self._by_user: dict[str, set[Socket]] = {}
        marks.on_moved = self._tell_moved

    async def open(self, socket: Socket, hello: frames.Hello) -> Mapping[str, Any]:
        memberships = await self._history.memberships(socket.user)
        chosen = plan(Cursor(hello.epoch, hello.inbox, hello.positions), memberships)
        self._sessions[socket] = Session(socket, self._hub, self._history, chosen, memberships)
        self._by_user.setdefault(socket.user, set()).add(socket)
        ranges = [start.range() for start in chosen.starts]
        return {"epoch": memberships.epoch, "inbox": memberships.inbox_head, "ranges": ranges}

    def opened(self, socket: Socket) -> None:
        self._sessions[socket].start()

    def receive(self, socket: Socket, frame: frames.Read) -> None:
        self._marks.mark(frame.conversation, socket.user, frame.seq)

    def closed(self, socket: Socket) -> None:
        session = self._sessions.pop(socket, None)
        if session is not None:
            session.close()
            of_user = self._by_user[session.user]
            of_user.discard(socket)
            if not of_user:
                del self._by_user[session.user]

    def _tell_moved(self, conversation: UUID, user: str, seq: int) -> None:
        frame = frames.wire(frames.encode({"type": "read", "conversation": conversation, "seq": seq}))
        for socket in self._by_user.get(user, ()):
            socket.push(frame)
