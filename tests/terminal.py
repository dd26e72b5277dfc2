"""Commands as a person at a terminal runs them, on a system of a test's own."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.nursery import bear
from tests.system import ROOT

WAIT_S = 30.0


class Command:
    """One `ringpost …` at work. Its stdin is a pipe; its stdout, unless a file is given, and its stderr are files."""

    def __init__(self, env: Mapping[str, str], *words: str, stdout: int | None = None) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  # it lives as long as this
        self._shown = tempfile.TemporaryFile("w+")  # noqa: SIM115
        there, keys = os.pipe()
        self.stdin = os.fdopen(keys, "wb")
        output = self._shown.fileno() if stdout is None else stdout
        self.process = bear("deploy.cli", words, env, (there, output, self._said.fileno()))
        os.close(there)

    def shown(self) -> list[str]:
        """Return the lines on stdout until now."""
        self._shown.seek(0)
        return self._shown.read().splitlines()

    def said(self) -> str:
        """Return what is on stderr until now."""
        self._said.seek(0)
        return self._said.read()

    def type(self, text: str) -> None:
        """Write *text* to its stdin."""
        self.stdin.write(text.encode())
        self.stdin.flush()

    def wait_for(self, lines: int) -> list[str]:
        """Return what is on stdout, once that is so many lines."""
        wait_until(lambda: len(self.shown()) >= lines, self.said)
        return self.shown()

    def wait_to_say(self, words: str) -> None:
        wait_until(lambda: words in self.said(), self.said)

    def end(self) -> int:
        """End its stdin and wait for it; return the exit status."""
        self.stdin.close()
        return self.process.wait(WAIT_S)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C (or send another signal); return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_S)
        for file in (self.stdin, self._said, self._shown):
            file.close()


def environment(data: Path, **ports: int) -> dict[str, str]:
    """Return what a command needs to find a system: by its data folder, or (read_port=, write_port=) by its ports too."""
    found = {f"RINGPOST_{name.upper()}": str(port) for name, port in ports.items()} | {"RINGPOST_DATA": str(data)}
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", **found}


def wait_until(is_true: Callable[[], bool], why: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


class Screen:
    """A terminal with one command in it: what is typed goes in, all that it shows comes out."""

    def __init__(self, env: Mapping[str, str], *words: str) -> None:
        self._keys, there = pty.openpty()
        os.set_blocking(self._keys, False)
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", *words],
            stdin=there,
            stdout=there,
            stderr=there,
            cwd=ROOT,
            env={**env, "TERM": "xterm"},
            start_new_session=True,
            preexec_fn=lambda: _take_terminal(there),
        )
        os.close(there)

    def type(self, text: str) -> None:
        os.write(self._keys, text.encode())

    def wait_for(self, words: str) -> None:
        """Wait until *words* come after all that was waited for before."""
        wait_until(lambda: words in self._read(), lambda: repr(self.text))
        self.text = self.text[self.text.index(words) + len(words) :]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._keys)

    def _read(self) -> str:
        try:
            while data := os.read(self._keys, 65536):
                self.text += data.decode(errors="replace")
        except OSError:  # nothing more now, or its other end is closed
            pass
        return self.text


def _take_terminal(file: int) -> None:
    """Make *file* this process's terminal, so that Ctrl-C in it is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(file, termios.TIOCSCTTY, 0)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have the process *pid* stand still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def a_pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield what reads of a pipe and what writes to it."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as reads, os.fdopen(writer, "wb") as writes:
        yield reads, writes
