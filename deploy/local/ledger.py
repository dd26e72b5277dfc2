"""Which children run, written down so that the next launcher finds those that outlived a launcher that was killed.

On Linux the death signal stops them; elsewhere, and where one was stopped (SIGSTOP) or hangs, the next start does.
"""

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.keys import write_private
from deploy.local.process import end, mark

_POSTGRES = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0))
_OTHERS = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))


class Ledger:
    """`children.json` in the data folder."""

    def __init__(self, data: Path) -> None:
        self._path = data / "children.json"

    def write(self, children: Mapping[str, int]) -> None:
        """Note *children*, pids by name, in place of what was noted before."""
        write_private(self._path, json.dumps({name: [pid, mark(pid)] for name, pid in children.items()}))

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def survivors(self) -> dict[str, int]:
        """Return those noted that still run, pids by name."""
        try:
            noted = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {name: pid for name, (pid, known) in noted.items() if known is not None and mark(pid) == known}

    def stop_survivors(self, say: Callable[[str], None]) -> None:
        """Stop who still runs; return when nobody does. For who owns the data folder."""
        survivors = self.survivors()
        if survivors:
            say(f"Still running from a launcher that was killed, and stopped now: {', '.join(survivors)}.")
        for name, pid in survivors.items():
            end(pid, _POSTGRES if name == "postgres" else _OTHERS)
        self.clear()
