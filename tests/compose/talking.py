"""Real chat through a stack, replay after replay, for as long as a test has something to do to it."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.chat import make_logs, speed_for
from tests.compose.stack import ROOT, Stack

FAULTS = ("lost", "duplicated", "out_of_order", "altered", "disagreements")
START_S, END_S = 60.0, 240.0


class Talking:
    """Replays of *lines* lines in *logs* conversations, each of some *seconds*; `found` has what each of them found."""

    def __init__(
        self, stack: Stack, folder: Path, *, logs: int, lines: int, watchers: int, seconds: float, **environment: str
    ) -> None:
        self._stack, self._flags = stack, ("--watchers", str(watchers))
        self._env = stack.env | {"RINGPOST_DATA": "/nowhere"} | environment
        self._logs = make_logs(folder, logs, lines)
        self._speed = speed_for(self._logs, seconds)
        self._process: subprocess.Popen[str] | None = None
        self.found: list[dict[str, Any]] = []

    def keep_on(self) -> None:
        """Begin, or begin anew when it is over; return when people are talking."""
        if self._process is not None and self._process.poll() is None:
            return
        self.finish()
        before = self._count()
        words = ["replay", *map(str, self._logs), *self._flags, "--speed", self._speed, "--json"]
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by `finish`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", *words],
            cwd=ROOT,
            env=self._env,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + START_S
        while self._count() == before:
            assert self._process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.5)

    def finish(self) -> None:
        """Wait for the end of what is being said, and keep what was found."""
        if self._process is None:
            return
        try:
            self._process.wait(END_S)
            said = self._said()
            assert self._process.returncode in (0, 1), said
            self.found.append(json.loads(said.splitlines()[-1]))
        finally:
            self.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._output.close()

    def faults(self) -> dict[str, int]:
        """Return the sums of what must be zero."""
        sums = {fault: sum(found[fault] for found in self.found) for fault in FAULTS}
        return sums | {"unacknowledged": sum(found["sent"] - found["acknowledged"] for found in self.found)}

    def total(self, what: str) -> int:
        return sum(found[what] for found in self.found)

    def report(self, what: str, done: Mapping[str, int]) -> None:
        """Print what was done meanwhile, and what became of it."""
        counts = "   ".join(f"{name} {n}" for name, n in done.items())
        names = ("sent", "acknowledged", "stored", "deliveries", "retried", "reconnects", "moves", "disconnects")
        print(f"\n{what}: {counts}\n  " + "   ".join(f"{name} {self.total(name):,}" for name in names))
        print("  " + "   ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.faults().items()), end="   ")
        print(f"longest without a socket {self.without_socket_ms:,} ms")

    @property
    def without_socket_ms(self) -> float:
        """The longest that anybody was without a socket."""
        return max(float(found["without_socket_ms"]) for found in self.found)

    def words(self) -> list[str]:
        return [fault for found in self.found for fault in found["faults"]]

    def _count(self) -> int:
        return int(self._stack.select("SELECT count(*) FROM events WHERE type = 'message'"))

    def _said(self) -> str:
        self._output.seek(0)
        return self._output.read()
