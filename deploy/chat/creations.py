"""The ids of conversations that are being created, on disk until the answer is there: a repeat asks for the same one."""

import json
from pathlib import Path
from uuid import uuid4

from deploy.local.keys import write_private


class Creations:
    """`creations.json` in a state folder: title to id."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "creations.json"

    def begin(self, title: str) -> str:
        """Return the id to create *title* with: that of a creation whose answer never came, or a new one."""
        ids = self._load()
        if title not in ids:
            ids[title] = str(uuid4())
            self._save(ids)
        return ids[title]

    def end(self, title: str) -> None:
        """The answer is there: the next creation of *title* is another one."""
        ids = self._load()
        if ids.pop(title, None) is not None:
            self._save(ids)

    def _load(self) -> dict[str, str]:
        try:
            ids: dict[str, str] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return ids

    def _save(self, ids: dict[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self._path, json.dumps(ids))
