"""The outbox's file: appended to, forced to the disk before a send goes out, compacted when it is mostly past."""

import fcntl
import os
from enum import StrEnum
from pathlib import Path

from ringpost_client.errors import OutboxLocked
from ringpost_client.outbox import Outbox, Pending, done_record, put_record, replay

COMPACT_AT = 1_000


class Fsync(StrEnum):
    """ALWAYS: what `write` returned from survives a power cut. NEVER: it survives the process alone."""

    ALWAYS = "always"
    NEVER = "never"


class Journal:
    """An open outbox file, locked for this process. `outbox` is what it holds; close it to let another process in."""

    def __init__(self, path: Path, fsync: Fsync = Fsync.ALWAYS) -> None:
        """Raises OutboxLocked if another process has it."""
        self._path, self._fsync = path, fsync
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(path.with_suffix(".lock"))
        try:
            self.outbox, self._file = _open(path)
        except OSError:
            os.close(self._lock)
            raise
        self._past = 0

    def write(self, pending: list[Pending]) -> None:
        """Put sends on disk; when this returns, they may go out."""
        if not pending:
            return
        _write(self._file, b"".join(map(put_record, pending)))
        if self._fsync is Fsync.ALWAYS:
            os.fsync(self._file)

    def settle(self, conversation: str, id: str) -> None:
        """Note that a send has left. Not forced to the disk: a send that goes out again is known by its id."""
        _write(self._file, done_record(conversation, id))
        self._past += 1
        if self._past >= COMPACT_AT and self._past > len(self.outbox):
            self._compact()

    def close(self) -> None:
        """Let the next process have it. The lock's file stays: removing it would let two processes hold "the" lock."""
        if self._file >= 0:
            os.close(self._file)
            os.close(self._lock)
            self._file = -1

    def _compact(self) -> None:
        """Write what is still pending to a new file, and put that in the old one's place."""
        fresh = self._path.with_suffix(".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        _write(file, b"".join(map(put_record, self.outbox)))
        os.fsync(file)
        os.replace(fresh, self._path)
        _sync_folder(self._path.parent)
        os.close(self._file)
        self._file, self._past = file, 0


def _lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise OutboxLocked(f"{path.with_suffix('')} is in use by another process") from None
    return lock


def _open(path: Path) -> tuple[Outbox, int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    _sync_folder(path.parent)
    outbox, whole = replay(path.read_bytes())
    # The torn end goes, or the next record would continue it.
    os.ftruncate(file, whole)
    return outbox, file


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
