"""What a client's outbox on disk holds, looked at while the client has it."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path


def kept_texts(state: Path) -> list[str]:
    """Return the texts that are in the outbox of the state folder *state*, in order; none where there is no outbox yet.

    The client's own lock keeps others out, so it is a copy that is opened: SQLite takes it for what a power cut left.
    """
    with tempfile.TemporaryDirectory(prefix="ringpost-outbox-") as folder:
        for path in sorted(state.glob("ringpost.db*"), key=lambda path: path.name, reverse=True):
            with suppress(FileNotFoundError):  # a journal comes and goes
                shutil.copy(path, folder)  # the log first: what it holds is in the file later, never earlier
        with closing(sqlite3.connect(Path(folder) / "ringpost.db")) as connection:
            try:
                rows = connection.execute("SELECT change FROM outbox ORDER BY number").fetchall()
            except sqlite3.DatabaseError:  # no table yet, or copied in the middle of a write: it is looked at again
                return []
        return [json.loads(change)["text"] for (change,) in rows]
