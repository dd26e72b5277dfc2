"""What a user was shown by `ringpost tail`, kept from one to the next."""

import contextlib
import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ringpost_client import Positions


class Shown:
    """`positions.json` in a state folder. Several may follow at once: each writes the conversations that it shows."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "positions.json"

    def load(self) -> Positions:
        """Return what was shown; positions without an epoch if that is nothing."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            saved = json.loads(self._path.read_bytes())
            of = {str(conversation): int(seq) for conversation, seq in saved["positions"].items()}
            return Positions(str(saved["epoch"]), int(saved["inbox"]), of)
        return Positions()

    def keep(self, epoch: str, of: Mapping[str, int], lost: Collection[str] = ()) -> None:
        """Write down *of*. Nothing goes back: who looks at older events again was shown the later ones all the same.

        What is there counts no more if it is of another epoch, or of one of the *lost* conversations.
        """
        with self._locked():
            there = self.load()
            kept = {id: seq for id, seq in there.of.items() if id not in lost} if there.epoch == epoch else {}
            for id, seq in of.items():
                kept[id] = max(seq, kept.get(id, 0))
            if (epoch, kept) != (there.epoch, there.of):
                self._save(Positions(epoch, of=kept))

    def _save(self, shown: Positions) -> None:
        """Put *shown* in the place of what was there, whole or not at all."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(shown.cursor()))
        os.replace(fresh, self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
