"""Long polling: the same cursor as a socket's hello, answered with what comes after it, now or when it comes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from services.read.arrivals import Arrivals
from services.read.channel import Push
from services.read.fills import Wanted
from services.read.hub import Hub, Served
from services.read.memory import Version
from services.read.resume import Cursor, Plan, Start, behind, plan
from shared.errors import PositionLost, Unavailable
from shared.storage.conversations import inbox_id
from shared.storage.history import Memberships


@dataclass(frozen=True, slots=True)
class Wish:
    """What a poll asks for: at most *limit* events, waiting at most *wait_s* for the first."""

    cursor: Cursor
    wait_s: float
    limit: int


class _Waiter:
    """A follower of all of a user's logs that only wants to know that something came."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.is_lost = False

    def push(self, log: UUID, frame: bytes, push: Push) -> None:
        self.woken.set()

    def offer(self, frame: bytes) -> None:
        """A poll tells of events alone."""

    def lose(self) -> None:
        self.is_lost = True
        self.woken.set()


class Polls:
    """Answers polls as of what Postgres says; Redis only says when to look."""

    def __init__(self, hub: Hub, arrivals: Arrivals) -> None:
        self._hub, self._arrivals = hub, arrivals
        self._waiters: set[_Waiter] = set()
        self._is_stopping = False

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def stop(self) -> None:
        """Answer all that wait, and wait no more: this gateway is about to stop."""
        self._is_stopping = True
        for waiter in self._waiters:
            waiter.woken.set()

    async def answer(self, user: str, wish: Wish) -> Mapping[str, Any]:
        """Return the answer that `docs/protocol.md` gives for `POST /v1/poll`.

        Raises:
            PositionLost: a position is of another epoch, or beyond its log's head.
        """
        memberships = await self._arrivals.memberships(user)
        chosen = _checked(plan(wish.cursor, memberships))
        if _has_news(chosen, memberships) or wish.wait_s <= 0 or self._is_stopping:
            return await self._collect(user, wish, memberships, chosen)
        await self._wait(user, memberships, chosen, wish.wait_s)
        memberships = await self._arrivals.memberships(user)
        settled = Cursor(
            memberships.epoch, chosen.inbox, {s.conversation: s.position for s in chosen.starts}, wish.cursor.first
        )
        return await self._collect(user, wish, memberships, _checked(plan(settled, memberships)))

    async def _wait(self, user: str, memberships: Memberships, chosen: Plan, wait_s: float) -> None:
        waiter = _Waiter()
        held: list[Served] = []
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(wait_s):
                known = {start.conversation: start.head for start in chosen.starts} | {inbox_id(user): memberships.inbox_head}
                for log, head in known.items():
                    served = await self._hub.serve(log, is_inbox=log == inbox_id(user))
                    held.append(served)
                    served.followers.add(waiter)
                    if served.channel is not None and served.channel.pushed > head:
                        waiter.woken.set()
                await waiter.woken.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)
            for served in held:
                served.followers.discard(waiter)
                self._hub.release(served)
        if waiter.is_lost:
            raise Unavailable("The database has another history; ask again.")

    async def _collect(self, user: str, wish: Wish, memberships: Memberships, chosen: Plan) -> Mapping[str, Any]:
        left = wish.limit
        conversations: list[Mapping[str, Any]] = []
        for start in behind(chosen.starts):
            if left <= 0:
                break
            version = Version(memberships.epoch, memberships.of[start.conversation].head.generation)
            wanted = Wanted(start.conversation, False, version, start.position, start.head)
            events = await self._hub.fills.events(wanted, left)
            left -= len(events)
            if events:
                conversations.append({"conversation": start.conversation} | named(start.position, start.head, events))
        inbox = None
        if left > 0 and memberships.inbox_head > chosen.inbox:
            wanted = Wanted(inbox_id(user), True, Version(memberships.epoch, 0), chosen.inbox, memberships.inbox_head)
            events = await self._hub.fills.events(wanted, left)
            inbox = named(chosen.inbox, memberships.inbox_head, events) if events else None
        ranges = [start.range() for start in chosen.starts if _is_to_be_named(start, wish.cursor)]
        about = {"user": user, "epoch": memberships.epoch}
        return about | {"ranges": ranges, "inbox": inbox, "conversations": conversations}


def named(after: int, head: int, events: Sequence[bytes]) -> dict[str, Any]:
    """Return the range of *events*, which are encoded, with its name; without events it ends before it begins."""
    last = after + len(events)
    raw = msgspec.Raw(b"[" + b",".join(events) + b"]")
    return {"from": after + 1, "to": last, "complete": last == head, "events": raw}


def _is_to_be_named(start: Start, cursor: Cursor) -> bool:
    """Say whether there is news, or the client could not know where it stands."""
    return start.position < start.head or cursor.positions.get(start.conversation) != start.position


def _has_news(chosen: Plan, memberships: Memberships) -> bool:
    return memberships.inbox_head > chosen.inbox or bool(behind(chosen.starts))


def _checked(chosen: Plan) -> Plan:
    if chosen.lost or chosen.inbox_lost:
        raise PositionLost
    return chosen
