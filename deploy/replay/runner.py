"""A replay from the first conversation made to the last message seen; then everything that the checker wants."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any, TypeVar

from ringpost_client import Client, Options, State, Unavailable, Via

from deploy.local.access import Access
from deploy.local.found import find_local
from deploy.replay.killer import Killer, Stop, stop_for
from deploy.replay.plan import Line, Plan, Script, adding, members
from deploy.replay.polling import until
from deploy.replay.pool import Pool
from deploy.replay.roller import Roller
from deploy.replay.sender import Sender, Tally
from deploy.replay.transports import Watch, keep_changing
from deploy.replay.watcher import Watcher
from shared.settings import Settings, load

Answer = TypeVar("Answer")

BACKOFF_CAP_S = 3.0
ACK_TIMEOUT_S = 12.0
STALLED_S = 180.0
FOLLOW_S = 60.0
CAUGHT_UP_S = 60.0
PIPELINED_TURNS = 64


class Stalled(Exception):
    """Nothing was acknowledged for so long that the replay was given up."""


@dataclass(frozen=True, slots=True)
class Choices:
    """How to replay. *speed* None is as fast as it goes; *stop* and *roll* happen when a third and a tenth has been sent.

    *watch_via*: by what the watchers read, in turn.
    """

    via: Via = Via.WS
    watch_via: tuple[Watch, ...] = (Watch.AUTO,)
    speed: float | None = None
    kill: tuple[str, ...] = ()
    stop: Stop | None = None
    roll: tuple[str, ...] = ()
    pipelined: bool = False
    connections: int = 600
    seed: int = 1


@dataclass(slots=True)
class Replay:
    """What is going on, and at the end what there is to check. *conversations*: their ids by the scripts' names."""

    plan: Plan
    tally: Tally = field(default_factory=Tally)
    conversations: dict[str, str] = field(default_factory=dict)
    watchers: list[Watcher] = field(default_factory=list)
    kills: int = 0
    restarts: int = 0
    reconnects: int = 0
    moves: int = 0
    disconnects: int = 0
    without_socket_s: float = 0.0
    seconds: float = 0.0
    stopped: tuple[float, float] | None = None
    troubles: list[str] = field(default_factory=list)
    phase: str = "making conversations"


class Runner:
    """Runs one replay; `replay` can be looked at meanwhile. Whatever ends it, everything that it opened is closed."""

    def __init__(self, access: Access, plan: Plan, choices: Choices) -> None:
        self._access, self._choices = access, choices
        self._chance = random.Random(f"{choices.seed} {plan.run}")  # noqa: S311  # a schedule that can be had again
        self._killer: Killer | None = None
        self._roller: Roller | None = None
        self.replay = Replay(plan)

    @property
    def kills(self) -> int:
        return self._killer.kills if self._killer else 0

    async def run(self) -> None:
        """Replay to the end.

        Raises:
            Stalled: the system stopped acknowledging for good.
            NotRestarted, NotRolled: a part that was killed, or told to stop, was not started again.
            ClientError: the system refused what a replay needs.
        """
        replay = self.replay
        await self._make_conversations()
        pool = Pool(lambda nick: self._client(nick, self._choices.via), self._choices.connections)
        async with self._watching():
            replay.phase = "replaying"
            began = time.perf_counter()
            try:
                async with self._trouble():
                    await self._send(pool, began)
                replay.phase = "watching to the end"
                await self._until_seen()
                replay.seconds = time.perf_counter() - began
            finally:
                await pool.close()
                replay.kills = self.kills
                replay.restarts = self._roller.restarts if self._roller else 0
                replay.reconnects = pool.reconnects + sum(watcher.reconnects for watcher in replay.watchers)
                replay.moves = pool.moves + sum(watcher.moves for watcher in replay.watchers)
                replay.without_socket_s = max(
                    [pool.without_socket_s, *(watcher.without_socket_s for watcher in replay.watchers)]
                )

    def _client(self, user: str, via: Via = Via.WS, watch_via: Watch = Watch.AUTO) -> Client:
        options = Options(
            ack_timeout_s=ACK_TIMEOUT_S,
            backoff_cap_s=BACKOFF_CAP_S,
            local_address=self.replay.plan.addresses[user],
            chance=self._chance.random,
        )
        urls = (self._access.read_url, self._access.write_url)
        token, rungs = self._access.token(user), watch_via.rungs
        return Client(*urls, token, via=via, read_via=rungs, options=options, on_state=self._hear)

    def _hear(self, state: State) -> None:
        self.replay.disconnects += not state.is_up

    async def _make_conversations(self) -> None:
        async with self._client(self.replay.plan.owner) as client:
            for script in self.replay.plan.scripts:
                self.replay.conversations[script.name] = await self._create(client, script)

    async def _create(self, client: Client, script: Script) -> str:
        plan = self.replay.plan
        local = self._access.local
        token, owner = (local.admin_key, plan.owner) if local else (await client.token(), None)
        first, more = members(plan, script)
        conversation = await insist(
            lambda: client.api.create(token, script.request, title=script.name[:200], members=first, owner=owner)
        )
        for user in more:
            await insist(partial(client.api.add_member, token, conversation, adding(script, user), user))
        return conversation

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Have every watcher follow, from before the first send until this is left."""
        ways = [way for way, _ in zip(cycle(self._choices.watch_via), self.replay.plan.watchers, strict=False)]
        clients = [self._client(name, watch_via=way) for name, way in zip(self.replay.plan.watchers, ways, strict=True)]
        self.replay.watchers = [
            Watcher(name, client, self.replay.tally.timing)
            for name, client in zip(self.replay.plan.watchers, clients, strict=True)
        ]
        following, entered = list[asyncio.Task[None]](), list[Client]()
        try:
            for client, watcher in zip(clients, self.replay.watchers, strict=True):
                await client.__aenter__()
                entered.append(client)
                following.append(asyncio.create_task(watcher.follow()))
            await self._caught_up(clients)
            mixed = [client for client, way in zip(clients, ways, strict=True) if way is Watch.MIXED]
            following += [asyncio.create_task(keep_changing(client, self._chance)) for client in mixed]
            yield
        finally:
            for task in following:
                task.cancel()
            ends = await asyncio.gather(*following, return_exceptions=True)
            self.replay.troubles += [f"a watcher ended early: {end}" for end in ends if isinstance(end, Exception)]
            for client in entered:
                await client.__aexit__(None, None, None)

    async def _caught_up(self, clients: list[Client]) -> None:
        try:
            async with asyncio.timeout(CAUGHT_UP_S):
                await asyncio.gather(*(client.caught_up.wait() for client in clients))
        except TimeoutError:
            raise Stalled(f"The watchers could not connect to {self._access.read_url} within {CAUGHT_UP_S:.0f} s.") from None

    @asynccontextmanager
    async def _trouble(self) -> AsyncIterator[None]:
        """Kill and stop while this lasts; a roll is waited for."""
        works: list[Coroutine[Any, Any, None]] = []
        if self._choices.kill:
            doors = (self._access.read_url, self._access.write_url)
            self._killer = Killer(_processes, doors, self._choices.kill, self._chance)
            works.append(self._killer.run())
        if self._choices.stop is not None:
            works.append(self._stop(self._choices.stop))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            rolling = group.create_task(self._roll()) if self._choices.roll else None
            yield
            if rolling is not None:
                await rolling
            for task in tasks:
                task.cancel()

    async def _roll(self) -> None:
        """Restart the gateways one by one when a tenth has been acknowledged."""
        await until(lambda: self.replay.tally.answered * 10 >= self.replay.plan.total, 0.05)
        self._roller = Roller(_processes, find_local().redis_url, load(Settings).prefix, self._choices.roll)
        await self._roller.run()

    async def _stop(self, stop: Stop) -> None:
        """Stop a part when a third has been acknowledged."""
        await until(lambda: self.replay.tally.answered * 3 >= self.replay.plan.total, 0.05)
        began = time.perf_counter()
        await stop_for(_processes, stop)
        self.replay.stopped = (began, time.perf_counter())

    async def _send(self, pool: Pool, began: float) -> None:
        """Send every script, side by side."""
        speed = self._choices.speed
        pace: Callable[[Line], float] | None = None if speed is None else lambda line: began + line.after_s / speed
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(self._guard())
            senders = [
                Sender(script, self.replay.conversations[script.name], pool, self.replay.tally, pace)
                for script in self.replay.plan.scripts
            ]
            works = [s.run_pipelined(PIPELINED_TURNS) if self._choices.pipelined else s.run() for s in senders]
            await asyncio.gather(*map(group.create_task, works))
            guard.cancel()

    async def _guard(self) -> None:
        """Give up when nothing is answered any more."""
        tally = self.replay.tally
        tally.last_answer_at = time.perf_counter()
        await until(lambda: self._choices.speed is None and time.perf_counter() - tally.last_answer_at > STALLED_S, 1.0)
        raise Stalled(f"Nothing was acknowledged for {STALLED_S:.0f} s; {tally.answered} of {self.replay.plan.total} were.")

    async def _until_seen(self) -> None:
        """Wait until every watcher has come to the last acknowledged number of every conversation, or makes no progress."""
        heads: dict[str, int] = {}
        for ack in self.replay.tally.acks.values():
            heads[ack.conversation] = max(heads.get(ack.conversation, 0), ack.seq)
        seen, since = -1, time.perf_counter()
        while not all(watcher.has_all(heads) for watcher in self.replay.watchers):
            now_seen = sum(watcher.deliveries for watcher in self.replay.watchers)
            if now_seen != seen:
                seen, since = now_seen, time.perf_counter()
            if time.perf_counter() - since > FOLLOW_S:
                return
            await asyncio.sleep(0.02)

    async def read_history(self) -> dict[str, list[Mapping[str, Any]]]:
        """Return every event of every conversation, page by page, as the history API tells it."""
        self.replay.phase = "reading the history"
        histories = {}
        async with self._client(self.replay.plan.owner) as client:
            token = await client.token()
            for name, conversation in self.replay.conversations.items():
                histories[name] = await _read(client, token, conversation)
        return histories


async def _read(client: Client, token: str, conversation: str) -> list[Mapping[str, Any]]:
    events: list[Mapping[str, Any]] = []
    complete = False
    while not complete:
        after = events[-1]["seq"] if events else 0
        page = await insist(lambda after=after: client.api.events(token, conversation, after=after, limit=1000))  # type: ignore[misc]  # the default binds the loop's variable
        events += page["events"]
        complete = page["complete"] or not page["events"]
    return events


async def insist(call: Callable[[], Coroutine[Any, Any, Answer]], tries: int = 60) -> Answer:
    """Make a call again while the service can't serve it."""
    for _ in range(tries - 1):
        try:
            return await call()
        except Unavailable as error:
            await asyncio.sleep(error.retry_after_s or 0.5)
    return await call()


def _processes() -> Mapping[str, int]:
    return find_local().processes
