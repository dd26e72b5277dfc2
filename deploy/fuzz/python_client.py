"""One device of a user with the Python SDK: does what its stdin says, and reports to its stdout, a line of JSON each.

The orders that it is born with say where the service is, who it is and which folder it has. What it reports is in `reports`.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ringpost_client import Ack, Client, ClientError, Event, Options, OutboxLocked, Positions, State, Stopped
from ringpost_client import Refused as Refusal

from deploy.fuzz.failpoint import die_at
from deploy.fuzz.reports import (
    Acked,
    Away,
    Began,
    Broken,
    Closed,
    Drained,
    Kept,
    Locked,
    Reader,
    Refused,
    Repeated,
    Report,
    Said,
    Seen,
    Up,
)
from deploy.fuzz.schedule import Keeper

OPTIONS = Options(connect_timeout_s=3.0, ack_timeout_s=4.0, backoff_base_s=0.1, backoff_cap_s=1.0)
OUTPUT = 1


class Device:
    """The app and its client."""

    def __init__(self, orders: Mapping[str, Any]) -> None:
        self._orders, self._folder = orders, Path(orders["folder"])
        self._keeper = Keeper(orders["keeper"])
        self._clock_s = 0.0
        self._waits: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Live until stdin says that it is over, or ends."""
        tell_another_time(lambda: self._clock_s)
        try:
            async with self.open() as self.client:
                report(Began(tuple(pending.text for pending in self.client.outbox)))
                await self.live()
                left = self.client.pending
        except OutboxLocked:
            report(Locked())
        else:
            report(Closed(left))

    def open(self) -> Client:
        """Return the client, with the positions that the app has kept, if it is the app that keeps them."""
        positions = shown(self._folder) if self._keeper is Keeper.APP else None
        read, write, token = (str(self._orders[name]) for name in ("read", "write", "token"))
        return Client(read, write, token, state=self._folder, positions=positions, options=OPTIONS, on_state=hear)

    async def live(self) -> None:
        for pending in self.client.outbox:
            self._expect(pending.text, self.client.send(pending.conversation, pending.text, pending.id))
        following = asyncio.create_task(self.follow())
        async for order in listen():
            if order["do"] == "close":
                break
            await self.obey(order)
        following.cancel()

    async def obey(self, order: Mapping[str, Any]) -> None:
        match order["do"]:
            case "send":
                await self.send(str(order["room"]), list(order["texts"]))
            case "die":
                die_at(int(order["step"]))
            case "clock":
                self._clock_s = float(order["by_s"])
            case "hint":
                self.client.hint()
            case "drain":
                self._start(self._drain())

    async def send(self, room: str, texts: list[str]) -> None:
        """Send them one after the other, without a wait."""
        for text in texts:
            report(Said(room, text))
            self._expect(text, self.client.send(room, text))
        # What was sent in one turn of the loop is on the disk in the next one.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for text in texts:
            report(Kept(text))

    async def follow(self) -> None:
        """Be shown everything; each is written down before the next one is asked for."""
        try:
            async for event in self.client.events():
                report(self.seen(event))
        except Stopped as stop:
            report(Broken(f"told not to come back: {stop}"))
        except ClientError:
            return

    def seen(self, event: Event) -> Seen:
        return Seen(
            event.conversation, event.seq, event.id, event.sender, event.text, self.client.seen.epoch, event.type == "message"
        )

    def _expect(self, text: str, ack: asyncio.Future[Ack]) -> None:
        self._start(self._await(text, ack))

    async def _await(self, text: str, ack: asyncio.Future[Ack]) -> None:
        try:
            done = await ack
        except Refusal as refusal:
            report(Refused(text, refusal.code))
        except ClientError:
            return
        else:
            if done.duplicate:
                report(Repeated())
            report(Acked(text, done.seq, done.duplicate))

    async def _drain(self) -> None:
        try:
            await self.client.drained()
        except ClientError:
            return
        report(Drained())

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)


def shown(folder: Path) -> Positions:
    """Return the positions that the lives before have written down: up to the last event that each showed."""
    epoch, inbox, of = None, 0, dict[str, int]()
    for path in sorted(folder.glob("life-*.log")):
        for line in Reader().feed(path.read_bytes()):
            if isinstance(line, Seen):
                epoch = line.epoch
                if line.room is None:
                    inbox = line.seq
                else:
                    of[line.room] = line.seq
    return Positions(epoch, inbox, of)


def report(said: Report) -> None:
    """Write one line, whole or (killed in the middle) not."""
    os.write(OUTPUT, msgspec.json.encode(said) + b"\n")


def hear(state: State) -> None:
    report(Up(state.service) if state.is_up else Away(state.service, state.reason))


def tell_another_time(by_s: Any) -> None:
    """Have the wall clock of this process be wrong by as much as *by_s* says."""
    right = time.time
    time.time = lambda: right() + by_s()


async def listen() -> Any:
    """Yield the orders that come on stdin, to its end."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def main(orders: Mapping[str, Any], device: type[Device] = Device) -> None:
    try:
        asyncio.run(device(orders).run())
    except Exception as error:
        report(Broken(f"{type(error).__name__}: {error}"))
        raise
