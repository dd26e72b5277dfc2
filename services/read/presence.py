"""Presence: this gateway's users told to the others, and watched users told to those who watch them.

A nudge on a user's channel only says to look. What is lost is found by looking at all watched users now and then, and who was
at a gateway that died, once its sign of life has ended.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog

from services.read.attendance import Attendance, Watchlist, earlier, since_when
from services.read.client import Client
from shared import frames
from shared.bus.client import is_cancelled
from shared.bus.presence import KEPT_S, PresenceStore, presence_channel
from shared.bus.subscription import Subscription
from shared.errors import Unavailable
from shared.storage.users import Users

log = structlog.get_logger("ringpost.read")
TICK_S, LIVE_S, LOOK_S, LOOK_AT_ALL_S = 0.25, 3.0, 2.0, 10.0
PATIENCE_S = 2 * LIVE_S  # after Redis has lost everything, until each gateway has entered its users again


class Presence:
    """Who is online. With Redis away nothing is known, and nobody waits for it."""

    def __init__(self, store: PresenceStore, subscription: Subscription, users: Users, prefix: str) -> None:
        self._store, self._subscription, self._users, self._prefix = store, subscription, users, prefix
        self._attendance = Attendance()
        self._watchlist: Watchlist[Client] = Watchlist()
        self._by_channel: dict[bytes, str] = {}
        self._nudged: set[str] = set()
        self._gateways: set[str] = set()
        self._answering: dict[Client, Sequence[str] | None] = {}
        self._writing = asyncio.Lock()
        self._patient_until = 0.0
        self._is_known = True

    @property
    def watched(self) -> int:
        return len(self._watchlist)

    # What happens at this gateway.

    def came(self, client: Client) -> None:
        self._attendance.came(client.user, time.time())

    def left(self, client: Client) -> None:
        self._attendance.left(client.user, time.monotonic())
        self._answering.pop(client, None)
        self._watch(client, ())

    def nudge(self, channel: bytes) -> None:
        """Something was published on *channel*: look at the user whose it is."""
        user = self._by_channel.get(channel)
        if user is not None:
            self._nudged.add(user)

    def ask(self, client: Client, users: Sequence[str]) -> bool:
        """Note whom *client* wants to watch; say whether `answer` is to be run: it is not if one runs, which will see to it."""
        is_running = client in self._answering
        self._answering[client] = users
        return not is_running

    async def answer(self, client: Client) -> None:
        """Tell *client* of the users that it asked for, of those with whom its user shares a conversation."""
        while (wanted := self._answering.get(client)) is not None:
            self._answering[client] = None
            try:
                known = await self._users.known_to(client.user, wanted)
                if client in self._answering:
                    self._watch(client, known)
                    await self._subscription.settled()
                    self._tell_all(await self._look(known), but=client)
            except Unavailable as error:
                log.info("presence is not known", error=str(error))
            if client in self._answering:
                self._tell(client, self._watchlist.known(self._watchlist.watched_by(client)))
        self._answering.pop(client, None)

    def affected(self, user: str, clients: Iterable[Client]) -> list[tuple[Client, Sequence[str]]]:
        """*user*, with these *clients*, was put out of a conversation: return who must ask anew, and for whom."""
        concerned = {*clients, *self._watchlist.watchers_of(user)}
        return [(client, users) for client in concerned if (users := self._watchlist.watched_by(client))]

    def _watch(self, client: Client, users: Sequence[str]) -> None:
        begun, ended = self._watchlist.watch(client, users)
        for user in begun:
            channel = presence_channel(self._prefix, user)
            self._by_channel[channel] = user
            self._subscription.subscribe(channel)
        for user in ended:
            channel = presence_channel(self._prefix, user)
            self._by_channel.pop(channel, None)
            self._subscription.unsubscribe(channel)

    # What goes on.

    async def run(self) -> None:
        """Tell and look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(LIVE_S, self._live))
            tasks.create_task(self._every(TICK_S, self._tell_changes))
            tasks.create_task(self._every(TICK_S, self._look_at_nudged))
            tasks.create_task(self._every(LOOK_S, self._look_for_dead))
            tasks.create_task(self._every(LOOK_AT_ALL_S, self._look_at_all))
            tasks.create_task(self._every(KEPT_S / 3, self._enter_all))

    async def _every(self, pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while not is_cancelled():
            try:
                await work()
            except Unavailable as error:
                if self._is_known:
                    log.warning("presence is not known", error=str(error))
                self._is_known = False
            await asyncio.sleep(pause_s)

    async def _live(self) -> None:
        is_entered = await self._store.live()
        self._is_known = True
        if is_entered:
            return
        if self._attendance.everybody():
            self._patient_until = time.monotonic() + PATIENCE_S
        await self._enter_all()

    async def _enter_all(self) -> None:
        async with self._writing:
            await self._store.write(dict(self._attendance.everybody()))

    async def _tell_changes(self) -> None:
        async with self._writing:
            changes = self._attendance.due(time.monotonic())
            try:
                await self._store.write(changes)
            except Unavailable:
                self._attendance.put_back(changes)
                raise

    async def _look_at_nudged(self) -> None:
        nudged, self._nudged = self._nudged, set()
        self._tell_all(await self._look(nudged))

    async def _look_for_dead(self) -> None:
        dead = self._gateways - await self._store.living(self._gateways)
        if dead and time.monotonic() > self._patient_until:
            self._gateways -= dead
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        if time.monotonic() > self._patient_until:
            self._tell_all(await self._look(self._watchlist.users()))

    async def _look(self, users: Iterable[str]) -> dict[str, int | None]:
        """Return since when each of *users* has been online, None for who is not."""
        entries = await self._store.read(users)
        living = await self._store.living({gateway for of in entries.values() for gateway in of})
        self._gateways |= living
        living.discard(self._store.gateway)
        here = self._attendance.everybody()  # what is so here may not be written yet
        return {user: earlier(since_when(of, living), here.get(user)) for user, of in entries.items()}

    def _tell_all(self, found: Mapping[str, int | None], but: Client | None = None) -> None:
        for client, news in self._watchlist.learn(found).items():
            if client is not but:
                self._tell(client, news)

    def _tell(self, client: Client, news: Mapping[str, int | None]) -> None:
        users = {user: {"online": False} if since is None else _online(since) for user, since in news.items()}
        client.send(frames.encode({"type": "presence", "users": users}))


def _online(since: int) -> dict[str, object]:
    return {"online": True, "since": frames.moment(since)}
