"""The ways to send and to hear of it, from the naive one to the socket: the same people, saying as much."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Any

from tests.bench.chats import Chat
from tests.bench.ledger import Ledger
from tests.bench.load.address import Address
from tests.bench.load.caller import Caller, FreshCaller, KeptCaller, Tally
from tests.bench.load.poller import LongPoller, Poller
from tests.bench.load.poster import Poster
from tests.bench.load.receiver import Receiver, Tellings
from tests.bench.load.sender import Sender, SocketLine
from tests.bench.load.texts import Texts
from tests.bench.ours import Ringpost
from tests.bench.window import Window, settle, watch, without_gc

CONVERSATIONS, MEMBERS = 20, 5
ASKS_EVERY_S, SPEAKS_EVERY_S = 1.0, 4.0
WARM_S = 1.5

Work = Coroutine[Any, Any, None]


class Way(StrEnum):
    """How clients talk to the system; the names of the rows."""

    NEW_CONNECTIONS = "POST and GET every second, new connection each"
    KEEP_ALIVE = "POST and GET every second, keep-alive"
    LONG_POLL = "POST and long poll, keep-alive"
    WEBSOCKET = "WebSocket"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a way cost: the window, and what the clients did in it."""

    window: Window
    handshakes: int
    empty_answers: int


async def run_way(chat: Chat, way: Way, texts: Texts, seconds: float) -> Cost:
    """Let 100 people in 20 conversations talk for *seconds*; raise Failed if any delivery is not as it must be."""
    with ExitStack() as stack, without_gc():
        people = _People(chat, way, texts.endless(), stack)
        run = token_hex(4)
        works: list[Work] = []
        for number in range(CONVERSATIONS):
            users = [f"{run}-{number}-{n}" for n in range(MEMBERS)]
            conversation = await chat.create(users)
            works += [*await people.read(users, conversation), await people.speak(users[0], conversation)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            cost = await _watch(people, chat, seconds)
            people.is_over = True
            await settle(people.ledger)
            for task in tasks:
                task.cancel()
    return cost


async def _watch(people: "_People", chat: Chat, seconds: float) -> Cost:
    await asyncio.sleep(WARM_S)
    handshakes, empty_answers = people.tally.handshakes, people.tally.empty_answers
    window = await watch(people.ledger, chat.meter, chat.cores, seconds)
    return Cost(window, people.tally.handshakes - handshakes, people.tally.empty_answers - empty_answers)


class _People:
    """Readers who all read one conversation each, and speakers."""

    def __init__(self, chat: Chat, way: Way, texts: Iterator[bytes], stack: ExitStack) -> None:
        self._chat, self._way, self._texts, self._stack = chat, way, texts, stack
        self._chance = random.Random(1)
        self.ledger, self.tally = Ledger(), Tally()
        self._tellings = Tellings(chat.dialect, self.ledger)
        self.is_over = False

    async def read(self, users: Sequence[str], conversation: str) -> Sequence[Work]:
        """Connect *users*; return what they do until the end, if they must do anything to hear of what is new."""
        if self._way is not Way.WEBSOCKET:
            return [await self._poll(user, conversation) for user in users]
        for user in users:
            receiver = Receiver(self._chat.dialect, self.ledger, self._tellings)
            self._stack.callback(receiver.close)
            await receiver.open(self._chat.read, user, [conversation])
        return []

    async def _poll(self, user: str, conversation: str) -> Work:
        dialect, caller = self._chat.dialect, await self._open_caller(self._chat.read)
        if self._way is Way.LONG_POLL:
            assert isinstance(dialect, Ringpost), "only Ringpost has a long poll"
            long_poller = LongPoller(dialect, self.ledger, self.tally, caller)
            await long_poller.open(user)
            return long_poller.run()
        poller = Poller(dialect, self.ledger, self.tally, caller, ASKS_EVERY_S)
        await poller.open(user, conversation)
        return poller.run(self._chance.uniform(0, ASKS_EVERY_S))

    async def speak(self, user: str, conversation: str) -> Work:
        """Return what *user* does until the end: say something at even distances."""
        say = await self._make_say(user, conversation)
        return self._repeat(say, self._chance.uniform(0, SPEAKS_EVERY_S))

    async def _repeat(self, say: Callable[[], Awaitable[None]], after_s: float) -> None:
        due = time.perf_counter() + after_s
        while True:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due += SPEAKS_EVERY_S
            if self.is_over:
                return
            await say()

    async def _make_say(self, user: str, conversation: str) -> Callable[[], Awaitable[None]]:
        dialect, write = self._chat.dialect, self._chat.write
        if self._way is not Way.WEBSOCKET:
            poster = Poster(dialect, self.ledger, await self._open_caller(write), user, self._texts)
            return lambda: poster.say(conversation, MEMBERS)
        line = await SocketLine(dialect, self.ledger).open(write, user)
        self._stack.callback(line.close)
        sender = Sender(line, self.ledger, [conversation], MEMBERS, self._texts)

        async def say() -> None:
            sender.send()

        return say

    async def _open_caller(self, address: Address) -> Caller:
        kind = FreshCaller if self._way is Way.NEW_CONNECTIONS else KeptCaller
        caller = kind(address, self.tally)
        self._stack.callback(caller.close)
        await caller.open()
        return caller
