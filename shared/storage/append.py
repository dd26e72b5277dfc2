"""Append messages to logs, a batch at a time, in one round trip and one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from shared.errors import Unavailable
from shared.storage.connection import Connection, connect, deadline, read_epoch

_APPEND = "SELECT * FROM append_messages($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bytea[], $6)"


class Status(StrEnum):
    """What became of a send. Busy: another writer holds the conversation; nothing was done, try again."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    ID_REUSED = "id_reused"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    ALREADY_MEMBER = "already_member"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Message:
    """One send, as it is to be stored. *sender* is empty for the host product; *digest* is of the body."""

    conversation: UUID
    sender: str
    id: UUID
    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message. The numbers count only where it is stored, now or before."""

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

    async def append(self, batch: Sequence[Message], *, patient: bool) -> list[Outcome]:
        """Store *batch* and return one outcome a message, in order. Committed when it returns.

        *patient* waits for conversations that another writer holds; else their messages are BUSY.

        Raises:
            Unavailable: the database did not answer in time; what became of the batch is unknown.
            Poisonous: the database refuses a row, and nothing was stored.
        """
        connection = await self._ready()
        columns = zip(*((m.conversation, m.sender, m.id, m.text, m.digest) for m in batch), strict=True)
        try:
            async with deadline(connection, self._timeout_s):
                rows = await connection.fetch(_APPEND, *map(list, columns), patient)
        except (asyncpg.PostgresError, ValueError) as error:
            raise Poisonous(type(error).__name__) from error
        except Unavailable:
            connection.terminate()
            raise
        return [Outcome(Status(row[1]), row[2], row[3], row[4], row[5], row[6]) for row in rows]

    async def _ready(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, self._timeout_s, self._name)
            await read_epoch(self._connection, self._timeout_s)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
