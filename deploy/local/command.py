"""Start a process that does not outlive who started it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from deploy.local.account import SEARCH_PATH, Account

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Command:
    """One process to run, as whom, and the signal that asks it to stop.

    *told* is written to its stdin: what must not show in a list of processes.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    told: bytes = field(default=b"", repr=False)
    folder: Path = Path("/")


def bare_env() -> dict[str, str]:
    """Return the environment of a server that shall know nothing of its caller's."""
    return {"PATH": SEARCH_PATH, "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def spawn(command: Command, output: int | IO[Any]) -> subprocess.Popen[bytes]:
    """Start *command* in a session of its own, its stdout and stderr to *output*.

    On Linux it gets its stop signal when the calling thread ends, so call this from the main thread.
    """
    account = command.account
    # No other thread runs in the launcher, which is what makes preexec_fn safe; it comes after the change of user,
    # which would clear the death signal.
    process = subprocess.Popen(  # noqa: S603  # the words are ours
        command.argv,
        stdin=subprocess.PIPE if command.told else subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(command.env),
        cwd=command.folder,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=die_with(os.getpid(), command.stop_signal),
    )
    if process.stdin is not None:
        _tell(process.stdin, command.told)
    return process


def _tell(pipe: IO[bytes], told: bytes) -> None:
    try:
        pipe.write(told)
        pipe.close()
    except BrokenPipeError:
        pass  # it died at once; whoever waits for it sees that


def die_with(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    """Return what a child of *parent* does before it runs its program, to get *number* when *parent* ends (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None

    def bind() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return bind
