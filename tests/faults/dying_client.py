"""A Python client that is killed at one step of a send: a program of its own, which the steps' effects are wrapped in.

It says "one" and waits for its acknowledgement, then says "two", and dies. Nothing in the product knows of it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from ringpost_client import Client
from ringpost_client.store import Drop, Put, Store, Write
from ringpost_client.websocket import WebSocket

NEVER_S = 60.0


class Step(StrEnum):
    """Where it dies."""

    BEFORE_STORED = "before it is stored"
    STORED = "when it is stored, and has not gone out"
    OUT = "when it has gone out"
    ACKNOWLEDGED = "when it is acknowledged, and still in the outbox"
    DELETED = "when it has left the outbox"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(step: Step) -> None:
    """Put the end where *step* is: round the store for those on the disk, round the socket for the one on the wire."""
    if step is Step.OUT:
        WebSocket.send = _send_and_die(WebSocket.send)  # type: ignore[method-assign]
        return
    kind: type[Write] = Put if step in (Step.BEFORE_STORED, Step.STORED) else Drop
    is_before = step in (Step.BEFORE_STORED, Step.ACKNOWLEDGED)
    Store.apply = _apply_and_die(Store.apply, kind, is_before=is_before)  # type: ignore[method-assign]


def _send_and_die(send: Callable[..., None]) -> Callable[..., None]:
    def wrapped(socket: WebSocket, frame: Any) -> None:
        send(socket, frame)
        if frame["type"] == "send":
            die()

    return wrapped


def _apply_and_die(apply: Callable[..., None], kind: type[Write], *, is_before: bool) -> Callable[..., None]:
    def wrapped(store: Store, writes: Sequence[Write]) -> None:
        is_it = any(isinstance(write, kind) for write in writes)
        if is_it and is_before:
            die()
        apply(store, writes)
        if is_it:
            die()

    return wrapped


async def main(about: dict[str, str]) -> None:
    async with Client(about["read"], about["write"], about["token"], state=Path(about["state"])) as client:
        room = client.conversation(about["room"])
        await (await room.send("one", id=about["one"])).acknowledged
        while client.outbox:  # noqa: ASYNC110  # that it has left the disk is told to nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        die_at(Step(about["step"]))
        await room.send("two", id=about["two"])
        await asyncio.sleep(NEVER_S)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
