"""A whole system, as `ringpost up` starts it, for tests."""

import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from deploy.local.found import Local, find_local
from deploy.local.port import free_port

ROOT = Path(__file__).parents[1]
READY_S, STOP_S = 40.0, 12.0
READY = "Ctrl-C stops it"


class Up:
    """One `ringpost up` on *data*, on free ports, its output in a file. *env* is all it gets, beside a PATH and a HOME."""

    def __init__(
        self,
        data: Path,
        *flags: str,
        user: str | None = None,
        before: Callable[[], None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.data, self.read_port, self.write_port = data, free_port(), free_port()
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # it lives as long as this
        ports = ("--read-port", str(self.read_port), "--write-port", str(self.write_port))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", "--data", str(data), *ports, *flags],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(data.parent), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=before,
        )

    @property
    def read_url(self) -> str:
        return f"http://127.0.0.1:{self.read_port}"

    @property
    def write_url(self) -> str:
        return f"http://127.0.0.1:{self.write_port}"

    def local(self) -> Local:
        """Return what the tools find of it: its processes, its keys."""
        return find_local(self.data)

    def said(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def wait_until(self, words: str) -> str:
        """Return all it has said, once that has *words* in it."""
        deadline = time.monotonic() + READY_S
        while words not in (said := self.said()):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said

    def token(self) -> str:
        """Return the token of alice that it printed."""
        found = re.search(r"eyJ[\w.-]+", self.wait_until(READY))
        assert found is not None
        return found.group()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> float:
        """Press Ctrl-C; return the seconds until it was over."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(STOP_S) == 0, self.said()
        return time.monotonic() - started

    def close(self) -> None:
        """Stop it if it still runs, whatever its state."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._output.close()


def gone(processes: list[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Return those of *processes* that still run after *within_s*."""
    return psutil.wait_procs(processes, timeout=within_s)[1]
