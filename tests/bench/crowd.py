"""A crowd in a chat: senders and receivers as a plan says, run flat out or at a pace, checked to the last delivery."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from secrets import token_hex

from tests.bench.chats import Chat
from tests.bench.ledger import Ledger
from tests.bench.load.receiver import Receiver, Tellings
from tests.bench.load.sender import Line, PostLine, Sender, SocketLine
from tests.bench.load.texts import Texts
from tests.bench.window import Window, settle, watch, without_gc

WARM_S, OPEN_S = 0.5, 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many conversations, who sends, and who receives them all.

    Flat out: each sender keeps *in_flight* sends on their way, where a send is done when it was acknowledged and every receiver
    has it. At a pace: *per_second* sends, evenly, by the senders in turn.
    """

    conversations: int
    senders: int
    receivers: int
    in_flight: int = 0
    per_second: float = 0.0
    by_post: bool = False


async def run_crowd(chat: Chat, plan: Plan, texts: Texts, seconds: float) -> Window:
    """Run *plan* for *seconds* after it has warmed up; raise Failed if any delivery or acknowledgement is not as it must be."""
    ledger = Ledger()
    async with _gathered(chat, plan, texts, ledger) as senders:
        with without_gc():
            stop = _begin(senders, plan)
            try:
                await asyncio.sleep(WARM_S)
                window = await watch(ledger, chat.meter, chat.cores, seconds)
            finally:
                stop()
            await settle(ledger)
    return window


def _begin(senders: Sequence[Sender], plan: Plan) -> Callable[[], object]:
    """Let the senders send as *plan* says; return what stops them."""
    if plan.per_second:
        return asyncio.create_task(_keep_pace(senders, plan.per_second)).cancel
    for sender in senders:
        sender.begin(plan.in_flight)

    def stop() -> None:
        for sender in senders:
            sender.stop()

    return stop


@asynccontextmanager
async def _gathered(chat: Chat, plan: Plan, texts: Texts, ledger: Ledger) -> AsyncIterator[list[Sender]]:
    """Create the conversations, connect everybody; in the end close all sockets."""
    run = token_hex(4)
    readers = [f"{run}-reader-{n}" for n in range(plan.receivers)]
    writers = [f"{run}-sender-{n}" for n in range(plan.senders)]
    pairs = [(n % plan.conversations, n % plan.senders) for n in range(max(plan.conversations, plan.senders))]
    conversations = [
        await chat.create([*(writers[s] for c, s in pairs if c == number), *readers]) for number in range(plan.conversations)
    ]
    words = texts.endless()
    with ExitStack() as stack:
        await _open_receivers(stack, chat, ledger, readers, conversations)
        senders: list[Sender] = []
        for number, user in enumerate(writers):
            line = await _open_line(chat, ledger, user, by_post=plan.by_post)
            stack.callback(line.close)
            senders.append(Sender(line, ledger, [conversations[c] for c, s in pairs if s == number], plan.receivers, words))
        yield senders


async def _open_receivers(
    stack: ExitStack, chat: Chat, ledger: Ledger, users: Sequence[str], conversations: Sequence[str]
) -> None:
    tellings = Tellings(chat.dialect, ledger)
    async with asyncio.timeout(OPEN_S), asyncio.TaskGroup() as opening:
        for user in users:
            receiver = Receiver(chat.dialect, ledger, tellings)
            stack.callback(receiver.close)
            opening.create_task(receiver.open(chat.read, user, conversations))


async def _open_line(chat: Chat, ledger: Ledger, user: str, *, by_post: bool) -> Line:
    async with asyncio.timeout(OPEN_S):
        if by_post:
            return await PostLine(chat.dialect, ledger).open(chat.write, user)
        return await SocketLine(chat.dialect, ledger).open(chat.write, user)


async def _keep_pace(senders: Sequence[Sender], per_second: float) -> None:
    """Send by turns at even distances, whatever the answers do, until cancelled."""
    due = time.perf_counter()
    for sender in cycle(senders):
        due += 1 / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sender.send()
