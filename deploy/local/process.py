"""Processes by id, told apart from later ones that got the same id."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_POLL_S = 0.02


def mark(pid: int) -> str | None:
    """Return what tells process *pid* from any other that ever had this id; None if it is gone or a zombie."""
    if pid <= 0:
        return None
    return _linux_mark(pid) if sys.platform.startswith("linux") else _ps_mark(pid)


def is_alive(pid: int) -> bool:
    """Say whether *pid* runs; a zombie does not."""
    return mark(pid) is not None


def command_line(pid: int) -> str:
    """Return the words that *pid* was started with, joined by spaces; empty if it is gone."""
    if not sys.platform.startswith("linux"):
        return _ps(pid, "args=")
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def end(pid: int, steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send *pid* one signal after another, each with its patience in seconds, until it is gone.

    A process that was stopped (SIGSTOP) is woken, or it would hear nothing.
    """
    known = mark(pid)
    if known is None:
        return
    for number, patience_s in steps:
        deadline = time.monotonic() + patience_s
        for sent in (number, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sent)
        while mark(pid) == known and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if mark(pid) != known:
            return


def _linux_mark(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is a name in brackets that may hold anything; see proc(5).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _ps_mark(pid: int) -> str | None:
    state, _, started = _ps(pid, "state=,lstart=").partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _ps(pid: int, columns: str) -> str:
    shown = subprocess.run(  # noqa: S603  # the words are ours
        ["ps", "-ww", "-o", columns, "-p", str(pid)],  # noqa: S607  # of the system's own folders
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
        check=False,
    )
    return shown.stdout.strip()
