"""Processes by id, told apart from later ones that got the same id."""

import os
import subprocess
import sys
from pathlib import Path


def mark(pid: int) -> str | None:
    """Return what tells process *pid* from any other that ever had this id; None if it is gone or a zombie."""
    if pid <= 0:
        return None
    return _linux_mark(pid) if sys.platform.startswith("linux") else _ps_mark(pid)


def is_alive(pid: int) -> bool:
    """Say whether *pid* runs; a zombie does not."""
    return mark(pid) is not None


def _linux_mark(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is a name in brackets that may hold anything; see proc(5).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _ps_mark(pid: int) -> str | None:
    shown = subprocess.run(  # noqa: S603  # the words are ours
        ["ps", "-o", "state=,lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
        check=False,
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()
