"""Clients that break a promise, for the fuzzer to find out."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from ringpost_client import Ack, Client, Event, Message
from ringpost_client.session import Acked

from deploy.fuzz import reports
from deploy.fuzz.python_client import OPTIONS, Device, hear, main, report

GONE_OUT_S = 0.05


class Forgetful(Device):
    """Its outbox is in memory, whatever it says."""

    def open(self) -> Client:
        read, write, token = (str(self._orders[name]) for name in ("read", "write", "token"))
        return Client(read, write, token, options=OPTIONS, on_state=hear)


class Hasty(Device):
    """It takes a send out of the outbox when that has had time to go out, not when it is acknowledged."""

    async def keep(self, message: Message) -> None:
        await super().keep(message)
        await asyncio.sleep(GONE_OUT_S)
        self.client._sends.outbox.settle(message.conversation, message.id)
        self.client._sends.hear(Acked([Ack(message.conversation, message.id, 1, "", duplicate=False, attempts=1)]))


class Renaming(Device):
    """It sends what was left again under another id."""

    def open(self) -> Client:
        if (self._folder / "ringpost.db").exists():
            with sqlite3.connect(self._folder / "ringpost.db") as store:
                # Another UUID: hexadecimal digits in the place of the first ones.
                store.execute("UPDATE outbox SET id = lower(hex(randomblob(4))) || substr(id, 9)")
            store.close()
        return super().open()


class Hurried(Device):
    """What is said last goes out first."""

    async def send(self, room: str, texts: list[str]) -> None:
        for text in texts:
            report(reports.Said(room, text))
        for text in reversed(texts):
            self._start(self.keep(await self.client.conversation(room).send(text)))


class Stuttering(Device):
    """Its app sees the second event twice."""

    async def follow(self, events: AsyncIterator[Event]) -> None:
        await super().follow(_with(events, 2))


class Blinking(Device):
    """Its app does not see the second event."""

    async def follow(self, events: AsyncIterator[Event]) -> None:
        await super().follow(_with(events, 0))


async def _with(events: AsyncIterator[Event], times: int) -> AsyncIterator[Event]:
    number = 0
    async for event in events:
        number += 1
        for _ in range(times if number == 2 else 1):
            yield event


def run(device: type[Device], orders: Mapping[str, Any]) -> None:
    main(orders, device)


forgetful, hasty, renaming = partial(run, Forgetful), partial(run, Hasty), partial(run, Renaming)
hurried, stuttering, blinking = partial(run, Hurried), partial(run, Stuttering), partial(run, Blinking)
