"""What members see of each other beside the events: who types, who is there, how far each has come."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from services.read.client import Client
from services.read.hub import Hub, Served
from services.read.marks import Marks
from services.read.presence import Presence
from services.read.profiles import Profiles
from services.read.receipts import Repeats, own_frame, receipts_frames
from services.read.typing import TypingPace
from shared import frames
from shared.bus.payload import channel_name
from shared.bus.signals import Signal, Signals, pack, unpack
from shared.errors import Invalid
from shared.storage.conversations import inbox_id
from shared.storage.markers import Mark, Marker
from shared.websocket.offering import offer

REPEAT_S = 30.0


class Company:
    """The frames of a read socket that are about other people. None of them is stored as an event, none delays one.

    *origin* is this gateway's own id: it tells its sockets itself, and the others by Redis.
    """

    takes: ClassVar[tuple[type, ...]] = (frames.Read, frames.Delivered, frames.Typing, frames.Watch)

    def __init__(self, hub: Hub, marks: Marks, presence: Presence, profiles: Profiles, signals: Signals, origin: str) -> None:
        self._hub, self._marks, self._presence, self._profiles = hub, marks, presence, profiles
        self._signals, self._origin = signals, origin
        self._pace, self._repeats = TypingPace(), Repeats()
        self.counts: Counter[str] = Counter(signals_poison=0, offers_dropped=0)
        self.clients_of: Callable[[str], Iterable[Client]] = lambda user: ()
        marks.on_moved = self._tell_moved
        hub.on_signal, hub.on_stranger = self._hear, presence.nudge

    # What clients do.

    def came(self, client: Client) -> None:
        assert client.identity is not None
        self._profiles.note(client.identity)
        self._presence.came(client)

    def left(self, client: Client) -> None:
        """A client that came is gone."""
        self._presence.left(client)

    def parted(self, user: str) -> None:
        """*user* was put out of a conversation: whom they may watch, and who may watch them, is to be found anew."""
        for client, users in self._presence.affected(user, self.clients_of(user)):
            self._watch(client, users)

    def receive(self, client: Client, frame: Any, follows: Callable[[UUID], bool]) -> None:
        """Take a frame of one of the types above; *follows* says whether the client follows a conversation."""
        match frame:
            case frames.Read():
                self._marks.mark(frame.conversation, client.user, Mark(read=frame.seq))
            case frames.Delivered():
                self._marks.mark(frame.conversation, client.user, Mark(delivered=frame.seq))
            case frames.Typing():
                if follows(frame.conversation):
                    self._tell_typing(client, frame.conversation)
            case frames.Watch():
                self._watch(client, frame.users)

    def _watch(self, client: Client, users: Sequence[str]) -> None:
        if self._presence.ask(client, users):
            self._hub.start(self._presence.answer(client))

    # What is told to others.

    def _tell_moved(self, moved: Sequence[Marker]) -> None:
        now = time.monotonic()
        for marker in moved:
            if marker.is_read:
                frame = own_frame(marker)
                self._repeats.note((marker.conversation, marker.user), frame, now)
                self._push(marker.user, frame)
                self._send(inbox_id(marker.user), marker.user, frame)
        for conversation, frame in receipts_frames(moved).items():
            self._tell(conversation, "", frame)

    def _tell_typing(self, client: Client, conversation: UUID) -> None:
        if conversation != inbox_id(client.user) and self._pace.admit(client, conversation, time.monotonic()):
            about = {"type": "typing", "conversation": conversation, "user": client.user}
            self._tell(conversation, client.user, frames.encode(about))

    def _tell(self, conversation: UUID, user: str, frame: bytes) -> None:
        served = self._hub.served(conversation)
        if served is not None:
            self._offer(served, frame)
        self._send(conversation, user, frame)

    def _send(self, log: UUID, user: str, frame: bytes) -> None:
        self._signals.tell(channel_name(self._hub.prefix, log), pack(Signal(self._origin, user, frame)))

    def _hear(self, served: Served, data: bytes) -> None:
        """A signal came by Redis."""
        try:
            signal = unpack(data)
        except Invalid:
            self.counts["signals_poison"] += 1
            return
        if signal.origin == self._origin:
            return
        if served.is_inbox:
            self._push(signal.user, signal.frame)
        else:
            self._offer(served, signal.frame)

    def _push(self, user: str, frame: bytes) -> None:
        for client in tuple(self.clients_of(user)):
            client.send(frame)

    def _offer(self, served: Served, frame: bytes) -> None:
        self.counts["offers_dropped"] += offer(tuple(served.edges), frames.wire(frame))
        for follower in tuple(served.followers):
            follower.offer(frame)

    # What goes on.

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the gateway does."""
        return [self._marks.run(), self._presence.run(), self._profiles.run(), self._signals.run(), self._repeat()]

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(REPEAT_S)
            for user, frame in self._repeats.due(time.monotonic()):
                self._send(inbox_id(user), user, frame)

    async def finish(self) -> None:
        """Write what has been gathered."""
        await self._marks.write()
        await self._profiles.write()
