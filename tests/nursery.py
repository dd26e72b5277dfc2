"""A process that has imported our programs and forks what tests start: an import takes a second, a fork some milliseconds.

What is born here is the real program, its `main()` in a process of its own, with the environment and the files that it was
given, and nothing of the nursery's. `python -m services` itself is what `ringpost up` runs (`tests/e2e`).
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from deploy.local.command import die_with

ROOT = Path(__file__).parents[1]
PROGRAMS = ("services.__main__", "router.__main__", "deploy.cli")
LATE = ("deploy.chat.command", "deploy.chat.entry", "deploy.chat.follower", "deploy.chat.sender")  # as `ringpost` imports them
REQUEST_BYTES = 1 << 16
POLL_S = 0.01

ends = contextlib.ExitStack()  # closes the nursery of this process, if there is one
atexit.register(ends.close)


class Born:
    """A program that runs: as a `Popen`, but its parent is the nursery, which tells how it ended."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._told = line.makefile("r")
        self.pid = int(self._told.readline())
        self._status: int | None = None

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        """Return the exit status, once there is one."""
        if self._status is None and select.select([self._line], [], [], 0)[0]:
            self._status = int(self._told.readline())
            self._told.close()
            self._line.close()
        return self._status

    def wait(self, timeout_s: float) -> int:
        """Return the exit status; raise TimeoutError if there is none in time."""
        if self._status is None:
            select.select([self._line], [], [], timeout_s)
        status = self.poll()
        if status is None:
            raise TimeoutError(f"the process {self.pid} did not end within {timeout_s} s")
        return status

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def bear(program: str, words: Sequence[str], environment: Mapping[str, str], files: Sequence[int]) -> Born:
    """Start *program*, a module with a `main`, given *words*. *files* become its stdin, stdout and stderr."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(_nursery())
    request = json.dumps({"name": program, "words": list(words), "environment": dict(environment)})
    socket.send_fds(line, [request.encode()], files)
    return Born(line)


@cache
def _nursery() -> str:
    """Start the nursery of this process, which dies with it; return where it listens."""
    folder = tempfile.TemporaryDirectory(prefix="ringpost-nursery-")  # it lives as long as this process
    path = f"{folder.name}/socket"
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "tests.nursery", path, str(os.getpid())]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    ends.callback(_close, process, folder)
    while not os.path.exists(path):
        assert process.poll() is None, "the nursery ended"
        time.sleep(POLL_S)
    return path


def _close(process: "subprocess.Popen[bytes]", folder: "tempfile.TemporaryDirectory[str]") -> None:
    process.kill()
    process.wait()
    folder.cleanup()


# The nursery itself. It has one thread and no event loop, so that it may fork.


class Program(NamedTuple):
    """What a new process is to become."""

    name: str
    words: list[str]
    environment: dict[str, str]


def _nurse(path: str) -> Program:
    """Fork for whoever connects; return in a new process, with what that is to become."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.part")
        listener.listen(128)
        os.rename(f"{path}.part", path)
        while True:
            line, _ = listener.accept()
            request, files, _, _ = socket.recv_fds(line, REQUEST_BYTES, 3)
            nurse = os.getpid()
            if os.fork() == 0:
                listener.close()
                _die_with(nurse)
                _watch(line, files)
                return _dress(line, files, Program(**json.loads(request)))
            _let_go(line, files)


def _watch(line: socket.socket, files: list[int]) -> None:
    """Fork once more: stay as the parent that tells when the new process has begun and how it ended; return in that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _die_with(parent)
        return
    for file in files:
        os.close(file)
    with contextlib.suppress(BrokenPipeError):
        line.sendall(f"{child}\n".encode())
        line.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    os._exit(0)


def _dress(line: socket.socket, files: list[int], program: Program) -> Program:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for place, file in enumerate(files):
        os.dup2(file, place)
    _let_go(line, files)
    os.environ.clear()
    os.environ.update(program.environment)
    return program


def _let_go(line: socket.socket, files: list[int]) -> None:
    line.close()
    for file in files:
        os.close(file)


def _die_with(parent: int) -> None:
    bind = die_with(parent, signal.SIGKILL)
    if bind is not None:
        bind()


def main(path: str, parent: int) -> None:
    _die_with(parent)
    for module in PROGRAMS + LATE:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    gc.freeze()
    program = _nurse(path)
    sys.argv = [program.name, *program.words]
    importlib.import_module(program.name).main()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
