"""The Python client's core against a service that puts off, cuts, moves and answers late, in any order."""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.connection import Connection
from ringpost_client.line import Cut, Send
from ringpost_client.outbox import Outbox
from ringpost_client.steps import Close, Connect, Step

ROOMS = ("a", "b")
Frame = dict[str, Any]


@dataclass
class Socket:
    """The service's end of a line: what it has not read, what is on the way back, which rooms are put off."""

    gateway: str
    unread: deque[Frame] = field(default_factory=deque)
    back: deque[Frame] = field(default_factory=deque)
    put_off: set[str] = field(default_factory=set)


class World:
    """A core and a service; each turn does one thing that may happen next."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.outbox = Outbox()
        self._connection = Connection(
            lambda takes_over: s.Session(self.outbox, None, takes_over=takes_over),
            Backoff(),
            lambda: 0.5,
            20.0,
            is_renewable=True,
        )
        self._now = 0.0
        self._sockets: dict[int, Socket] = {}
        self._dialled: list[int] = []
        self.offered: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.stored: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.acked: list[str] = []
        self._do(self._connection.start(0.0))

    def turn(self) -> None:
        """Let something happen: much is said and answered before a socket is cut."""
        turns = [self._offer] * 3 + [self._open] * 9 * bool(self._dialled)
        turns += [self._tick] * (self._connection.wakes_at < inf)
        turns += [self._read] * 6 * any(socket.unread for socket in self._sockets.values())
        turns += [self._answer] * 6 * any(socket.back for socket in self._sockets.values())
        turns += [self._cut, self._move] * bool(self._sockets)
        self._data.draw(st.sampled_from(turns))()

    def settle(self) -> None:
        """Be kind until the outbox is empty."""
        for _ in range(2_000):
            if not len(self.outbox):
                return
            self._kind_turn()
        raise AssertionError(f"{self.outbox} after 2,000 turns")

    def _kind_turn(self) -> None:
        """Do the first thing that can be done, without asking for chance: what is on the way comes before the clock."""
        if self._dialled:
            self._open()
        elif any(socket.unread for socket in self._sockets.values()):
            self._read(is_kind=True)
        elif any(socket.back for socket in self._sockets.values()):
            self._answer(is_kind=True)
        else:
            self._tick()

    def _make(self, takes_over: bool) -> s.Session:
        return s.Session(self.outbox, None, takes_over=takes_over)

    def _offer(self) -> None:
        room = self._data.draw(st.sampled_from(ROOMS))
        id = f"{room}{len(self.offered[room])}"
        self.offered[room].append(id)
        self._do(self._connection.offered(self.outbox.add(room, id, {"type": "send", "text": id}), self._now))

    def _open(self) -> None:
        number = self._dialled.pop(0)
        self._sockets[number] = Socket(f"gateway-{number}")
        self._do(self._connection.opened(number, "token", self._now))

    def _tick(self) -> None:
        self._now = max(self._now, self._connection.wakes_at)
        self._do(self._connection.tick(self._now))

    def _read(self, *, is_kind: bool = False) -> None:
        """Have the service read a frame and answer it; a refusal for now holds back its conversation on that socket."""
        socket = self._pick("unread", is_kind)
        frame = socket.unread.popleft()
        if frame["type"] == "hello":
            about = {"gateway": socket.gateway, "roles": ["write"], "heartbeat_s": 10}
            socket.back.append({"type": "welcome", **about})
        elif frame["type"] == "ping":
            socket.back.append({"type": "pong"})
        elif frame["type"] == "send":
            self._take(socket, frame, is_kind=is_kind)

    def _take(self, socket: Socket, frame: Frame, *, is_kind: bool) -> None:
        room, id = frame["conversation"], frame["id"]
        if frame.get("again"):
            socket.put_off.discard(room)
        if room in socket.put_off or (not is_kind and self._data.draw(st.integers(0, 4)) == 0):
            socket.put_off.add(room)
            error = {"type": "error", "code": "put_off", "retryable": True, "retry_after": 1}
            socket.back.append(error | {"conversation": room, "id": id})
            return
        if id not in self.stored[room]:
            self.stored[room].append(id)
        ack = {"conversation": room, "id": id, "seq": self.stored[room].index(id) + 1, "at": ""}
        socket.back.append({"type": "acks", "acks": [ack]})

    def _answer(self, *, is_kind: bool = False) -> None:
        socket = self._pick("back", is_kind)
        number = next(number for number, one in self._sockets.items() if one is socket)
        self._do(self._connection.received(number, socket.back.popleft(), self._now))

    def _cut(self) -> None:
        number = self._data.draw(st.sampled_from(sorted(self._sockets)))
        del self._sockets[number]
        self._do(self._connection.closed(number, 1006, "", self._now))

    def _move(self) -> None:
        socket = self._sockets[self._data.draw(st.sampled_from(sorted(self._sockets)))]
        socket.back.append({"type": "moved", "retry_after": 0, "within_s": 9, "reconnect": {"spread_s": 1}})

    def _pick(self, side: str, is_kind: bool) -> Socket:
        able = [socket for socket in self._sockets.values() if getattr(socket, side)]
        return able[0] if is_kind else self._data.draw(st.sampled_from(able))

    def _do(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Connect):
                self._dialled.append(step.line)
            elif isinstance(step, Send):
                if step.line in self._sockets:
                    self._sockets[step.line].unread.append(dict(step.frame))
            elif isinstance(step, Close):
                self._sockets.pop(step.line, None)
                self._dialled = [number for number in self._dialled if number != step.line]
            elif isinstance(step, Cut):
                self._sockets.pop(step.line, None)
                self._do(self._connection.closed(step.line, 1006, "", self._now))
            elif isinstance(step, s.Acked):
                self.acked += [ack.id for ack in step.acks]


@settings(max_examples=100)
@given(st.data(), st.integers(0, 100))
def test_whatever_the_service_does_every_send_is_stored_once_in_order_and_acknowledged_once(
    data: st.DataObject, turns: int
) -> None:
    world = World(data)
    for _ in range(turns):
        world.turn()
    world.settle()

    assert world.stored == world.offered
    assert sorted(world.acked) == sorted(id for ids in world.offered.values() for id in ids)
