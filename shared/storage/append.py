"""Append events to conversations' logs, a batch at a time, in one round trip and one transaction."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from shared.errors import Unavailable
from shared.storage.connection import Connection, connect, deadline, read_epoch

_APPEND = """
SELECT * FROM append_events($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8)
"""
_APPEND_MESSAGE = "SELECT * FROM append_message($1, $2, $3, $4, $5, $6)"


class Status(StrEnum):
    """What became of a send. Busy: another writer holds the conversation; nothing was done, try again."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    ID_REUSED = "id_reused"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    NO_MESSAGE = "no_message"
    ERASED = "erased"
    UNCHANGED = "unchanged"
    TOO_MANY = "too_many"
    ALREADY_MEMBER = "already_member"
    NO_MEMBER = "no_member"
    LAST_OWNER = "last_owner"
    BUSY = "busy"


_STATUSES = {status.value: status for status in Status}


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to be stored: a message, or an edit, a deletion or a reaction of the message *target*.

    *type* is the event's: message, edited, deleted, reacted, unreacted. *text* is a reaction's emoji, *target* also the message
    that a reply answers. *sender* is empty for the host product; *digest* is of the body.
    """

    conversation: UUID
    sender: str
    id: UUID
    type: str
    text: str | None
    target: int | None
    digest: bytes


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one event. The numbers count only where it is stored, now or before."""

    status: Status
    seq: int
    at: datetime
    messages: int
    generation: int
    epoch: UUID


class Poisonous(Exception):
    """The database refuses something in the batch; it would refuse it again."""


class Appender:
    """The one connection of a committer. It comes back by itself after it died; a batch is safe to run again."""

    def __init__(self, url: str, *, timeout_s: float, name: str) -> None:
        self._url, self._timeout_s, self._name = url, timeout_s, name
        self._connection: Connection | None = None

    async def append(self, batch: Sequence[NewEvent], *, patient: bool) -> list[Outcome]:
        """Store *batch* and return one outcome an event, in order. Committed when it returns.

        *patient* waits for conversations that another writer holds; else their events are BUSY.

        Raises:
            Unavailable: the database did not answer in time; what became of the batch is unknown.
            Poisonous: the database refuses a row, and nothing was stored.
        """
        connection = await self._ready()
        call = _call(batch)
        try:
            async with deadline(connection, self._timeout_s):
                rows = await connection.fetch(*call, patient)
        except (asyncpg.PostgresError, ValueError) as error:
            raise Poisonous(type(error).__name__) from error
        except Unavailable:
            connection.terminate()
            raise
        outcomes: list[Any] = [None] * len(batch)
        for row in rows:
            outcomes[row[0] - 1] = Outcome(_STATUSES[row[1]], row[2], row[3], row[4], row[5], row[6])
        return outcomes

    async def _ready(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, self._timeout_s, self._name)
            await read_epoch(self._connection, self._timeout_s)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()


def _call(batch: Sequence[NewEvent]) -> tuple[Any, ...]:
    """Return the statement that appends *batch*, and its arguments but for the last."""
    first = batch[0]
    if len(batch) == 1 and first.type == "message" and first.target is None:
        return _APPEND_MESSAGE, first.conversation, first.sender, first.id, first.text, first.digest
    columns = zip(*((e.conversation, e.sender, e.id, e.type, e.text, e.target, e.digest) for e in batch), strict=True)
    return _APPEND, *map(list, columns)
