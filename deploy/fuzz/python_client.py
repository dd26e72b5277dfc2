"""One device of a user with the Python SDK: does what its stdin says, and reports to its stdout, a line of JSON each.

The orders that it is born with say where the service is, who it is and which folder it has. What it reports is in `reports`.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec
from ringpost_client import Client, ClientError, Closed, Event, Message, Options, OutboxLocked, Refused, State

from deploy.fuzz import reports
from deploy.fuzz.failpoint import Failpoint
from deploy.fuzz.schedule import Keeper

OPTIONS = Options(connect_timeout_s=3.0, ack_timeout_s=4.0, backoff_base_s=0.1, backoff_cap_s=1.0)
OUTPUT = 1


class Device:
    """The app and its client."""

    def __init__(self, orders: Mapping[str, Any]) -> None:
        self._orders, self._folder = orders, Path(orders["folder"])
        self._failpoint = Failpoint()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clock_s = 0.0

    async def run(self) -> None:
        """Live until stdin says that it is over, or ends."""
        tell_another_time(lambda: self._clock_s)
        self._failpoint.watch_threads()
        try:
            async with self.open() as self.client, asyncio.TaskGroup() as self._group:
                report(reports.Began(tuple(message.text for message in self.client.outbox)))
                await self.live()
                left = self.client.pending
                for task in self._tasks:
                    task.cancel()
        except OutboxLocked:
            report(reports.Locked())
        else:
            report(reports.Closed(left))

    def open(self) -> Client:
        read, write, token = (str(self._orders[name]) for name in ("read", "write", "token"))
        return Client(read, write, token, state=self._folder, options=OPTIONS, on_state=hear)

    async def live(self) -> None:
        for message in self.client.outbox:
            self._start(self.outcome(message))
        if self._orders["keeper"] == Keeper.SDK:
            self._start(self.follow(self.client.events()))
        else:
            heads = shown(self._folder)
            for room in self._orders["rooms"]:
                self._start(self.follow(self.client.conversation(room).events(heads.get(room, 0))))
        async for order in listen():
            if order["do"] == "close":
                return
            await self.obey(order)

    async def obey(self, order: Mapping[str, Any]) -> None:
        match order["do"]:
            case "send":
                await self.send(str(order["room"]), list(order["texts"]))
            case "die":
                self._failpoint.set(int(order["step"]))
            case "clock":
                self._clock_s = float(order["by_s"])
            case "hint":
                self.client.hint()
            case "drain":
                self._start(self.drain())

    async def send(self, room: str, texts: list[str]) -> None:
        """Send them one after the other, without a wait for what becomes of them."""
        for text in texts:
            report(reports.Said(room, text))
            message = await self.client.conversation(room).send(text)
            self._start(self.keep(message))
            self._start(self.outcome(message))

    async def keep(self, message: Message) -> None:
        await message.stored()
        report(reports.Kept(message.text))

    async def outcome(self, message: Message) -> None:
        """Report what becomes of it."""
        try:
            ack = await message.acknowledged
        except Refused as refusal:
            report(reports.Refused(message.text, refusal.code))
        else:
            if ack.duplicate:
                report(reports.Repeated())
            report(reports.Acked(message.text, ack.seq))

    async def follow(self, events: AsyncIterator[Event]) -> None:
        """Be shown everything; each is written down before the next one is asked for."""
        async for event in events:
            is_message = event.type == "message"
            report(reports.Seen(event.conversation, event.seq, event.id, event.sender, event.text, is_message))

    async def drain(self) -> None:
        await self.client.drained()
        report(reports.Drained())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(_guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guard(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Closed:
        return
    except ClientError as error:
        report(reports.Broken(f"{type(error).__name__}: {error}"))


def shown(folder: Path) -> dict[str | None, int]:
    """Return how far the lives before have come in each room, as they have written down."""
    heads: dict[str | None, int] = {}
    for path in folder.glob("life-*.log"):
        for line in reports.Reader().feed(path.read_bytes()):
            if isinstance(line, reports.Seen):
                heads[line.room] = max(line.seq, heads.get(line.room, 0))
    return heads


def hear(state: State) -> None:
    if state.service not in ("read", "write"):
        if not state.is_up:
            report(reports.Broken(f"{state.service} is away: {state.reason}"))
    else:
        report(reports.Up(state.service) if state.is_up else reports.Away(state.service, state.reason))


def report(what: reports.Report) -> None:
    """Write one line, whole or (killed in the middle) not."""
    os.write(OUTPUT, msgspec.json.encode(what) + b"\n")


def tell_another_time(by_s: Callable[[], float]) -> None:
    """Have the wall clock of this process be wrong by as much as *by_s* says."""
    right = time.time
    time.time = lambda: right() + by_s()


async def listen() -> AsyncIterator[Mapping[str, Any]]:
    """Yield the orders that come on stdin, to its end."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def main(orders: Mapping[str, Any], device: type[Device] = Device) -> None:
    try:
        asyncio.run(device(orders).run())
    except Exception as error:
        report(reports.Broken(f"{type(error).__name__}: {error}"))
        raise
