"""What outlives the process: the outbox and the positions, in one SQLite file. Everything here blocks."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ringpost_client.errors import OutboxLocked, StoreFailed
from ringpost_client.outbox import Change
from ringpost_client.positions import Positions

FILE = "ringpost.db"
VERSION = 1
INBOX = ""
# No message counts on SQLite's own waiting: who finds the file locked is told.
_SETUP = (
    "PRAGMA locking_mode = EXCLUSIVE",  # one process at a time, and no shared memory, which not every disk has
    "PRAGMA journal_mode = WAL",
    "PRAGMA secure_delete = ON",  # what was said leaves no text behind
    "PRAGMA temp_store = MEMORY",
)
_SCHEMA = (
    # One tree, not a table and an index: a send writes half the pages.
    "CREATE TABLE outbox (conversation TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, change TEXT NOT NULL,"
    " code TEXT, detail TEXT, PRIMARY KEY (conversation, id)) WITHOUT ROWID",
    "CREATE TABLE positions (log TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE epochs (epoch TEXT NOT NULL)",
    f"PRAGMA user_version = {VERSION}",
)


class Fsync(StrEnum):
    """ALWAYS: what is stored survives a power cut. NEVER: it survives the process alone."""

    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Put:
    """A change is to be sent: it goes to the end."""

    conversation: str
    id: str
    change: Change


@dataclass(frozen=True, slots=True)
class Fail:
    """A change was refused for good, and is kept."""

    conversation: str
    id: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Drop:
    """A change was acknowledged, or discarded."""

    conversation: str
    id: str


@dataclass(frozen=True, slots=True)
class See:
    """The app has seen what is up to these positions."""

    epoch: str
    inbox: int
    of: dict[str, int]


Write = Put | Fail | Drop | See


@dataclass(frozen=True, slots=True)
class Kept:
    """What was left of a change. *failed* has code and detail."""

    conversation: str
    id: str
    change: Change
    failed: tuple[str, str] | None


class Store:
    """An open file, this process's alone until `close`."""

    def __init__(self, folder: Path, fsync: Fsync = Fsync.ALWAYS) -> None:
        """Open the file in *folder*, or make both.

        Raises:
            OutboxLocked: another process has it.
            StoreFailed: it can't be made, read or written, or is damaged.
        """
        self._fsync = fsync
        self._saved = See("", 0, {})
        with _translated(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / FILE).touch(0o600)  # SQLite gives its log the file's mode
            self._connection = sqlite3.connect(folder / FILE, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise
        self._folder = folder

    def load(self) -> list[Kept]:
        """Return the changes that are there, in order."""
        with _translated(self._folder):
            rows = self._connection.execute("SELECT conversation, id, change, code, detail FROM outbox ORDER BY number")
            return [Kept(of, id, json.loads(change), (code, detail) if code else None) for of, id, change, code, detail in rows]

    def load_positions(self) -> Positions:
        """Return how far the app had seen; positions without an epoch if that is nothing."""
        with _translated(self._folder):
            of = dict(self._connection.execute("SELECT log, seq FROM positions"))
            epoch = self._connection.execute("SELECT epoch FROM epochs").fetchone()
        self._saved = See(epoch[0] if epoch else "", of.pop(INBOX, 0), of)
        return Positions(self._saved.epoch or None, self._saved.inbox, of)

    def apply(self, writes: Sequence[Write]) -> None:
        """Make all of *writes*, or none; with a Put among them they are forced to the disk.

        Raises:
            StoreFailed: none was made.
        """
        # A change that goes out again although it was acknowledged is known by its id: that alone is worth no fsync.
        is_forced = self._fsync is Fsync.ALWAYS and any(isinstance(write, Put) for write in writes)
        with _translated(self._folder):
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_forced else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for write in writes:
                    self._make(write)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        self._saved = next((write for write in reversed(writes) if isinstance(write, See)), self._saved)

    def close(self) -> None:
        """Let the next process have it."""
        self._connection.close()

    def _set_up(self) -> None:
        for pragma in _SETUP:
            self._connection.execute(pragma)
        self._connection.execute("BEGIN IMMEDIATE")  # takes the lock
        if self._connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the file is damaged")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise sqlite3.DatabaseError("it was written by a later version of this client")
        for statement in () if version else _SCHEMA:
            self._connection.execute(statement)
        self._number = self._connection.execute("SELECT coalesce(max(number), 0) FROM outbox").fetchone()[0]
        self._connection.execute("COMMIT")

    def _make(self, write: Write) -> None:
        run = self._connection.execute
        if isinstance(write, See):
            self._see(write)
            return
        key = (write.conversation, write.id)
        if isinstance(write, Fail):
            detail = write.detail.encode(errors="replace").decode()
            run("UPDATE outbox SET code = ?, detail = ? WHERE conversation = ? AND id = ?", (write.code, detail, *key))
            return
        if isinstance(write, Drop):
            run("DELETE FROM outbox WHERE conversation = ? AND id = ?", key)
            return
        self._number += 1
        row = (*key, self._number, json.dumps(write.change))
        run("INSERT OR REPLACE INTO outbox (conversation, id, number, change) VALUES (?, ?, ?, ?)", row)

    def _see(self, seen: See) -> None:
        """Write what has changed since it was last saved."""
        if seen.epoch != self._saved.epoch:
            self._connection.execute("DELETE FROM epochs")
            self._connection.execute("INSERT INTO epochs VALUES (?)", (seen.epoch,))
        before, now = self._saved.of | {INBOX: self._saved.inbox}, seen.of | {INBOX: seen.inbox}
        gone = [(log,) for log in before if log not in now]
        changed = [(log, seq) for log, seq in now.items() if before.get(log) != seq]
        self._connection.executemany("DELETE FROM positions WHERE log = ?", gone)
        self._connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", changed)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise OutboxLocked(f"{folder / FILE} is in use by another process") from None
        raise StoreFailed(f"{folder / FILE}: {error}") from error
    except (OSError, ValueError) as error:
        raise StoreFailed(f"{folder}: {error}") from error
