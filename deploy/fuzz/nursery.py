"""A process that has the Python SDK imported, and forks a client's process from itself in milliseconds.

It is told through a socket: lines of JSON, one for a birth with the new process's stdin, stdout and stderr. It says through
the same one who has ended. It alone signals its children, and only those that it has not yet waited for, so no other process
is ever hit. It ends, and its children with it, when the socket's other end does.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

CHUNK_BYTES = 65_536


class Nursery:
    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._unread, self._files = b"", list[int]()
        self._pids: dict[int, int] = {}  # by the numbers that the other end gives
        self._ears, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        signal.set_wakeup_fd(self._mouth.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM):  # what a whole group of processes gets is for who started this
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> dict[str, Any]:
        """Serve; return in a new process, with what it is to do."""
        while True:
            for ready in select.select([self._line, self._ears], [], [])[0]:
                if ready is self._ears:
                    self._ears.recv(CHUNK_BYTES)
                    self._bury()
                    continue
                for told in self._listen():
                    if (orders := self._take(told)) is not None:
                        return orders

    def _listen(self) -> list[dict[str, Any]]:
        data, files, _, _ = socket.recv_fds(self._line, CHUNK_BYTES, 3)
        if not data:
            self._end()
        self._files += files
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def _take(self, told: dict[str, Any]) -> dict[str, Any] | None:
        """Signal a child, or bear one; return its orders in the new process."""
        if "signal" in told:
            if told["number"] in self._pids:
                os.kill(self._pids[told["number"]], told["signal"])
            return None
        files, self._files = self._files[:3], self._files[3:]
        pid = os.fork()
        if pid == 0:
            self._leave(files)
            return dict(told["orders"])
        self._pids[told["number"]] = pid
        for file in files:
            os.close(file)
        return None

    def _bury(self) -> None:
        for number, pid in list(self._pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._pids[number]
                told = {"number": number, "status": os.waitstatus_to_exitcode(status)}
                self._line.sendall(json.dumps(told).encode() + b"\n")

    def _leave(self, files: list[int]) -> None:
        """Be the new process."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for place, file in enumerate(files):
            os.dup2(file, place)
            os.close(file)
        self._line.close()
        self._ears.close()
        self._mouth.close()

    def _end(self) -> NoReturn:
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        sys.exit(0)


def main(descriptor: str, program: str) -> None:
    """Serve on the socket *descriptor*; *program*, a `module:function`, takes the orders of a new process."""
    module, _, function = program.partition(":")
    run = getattr(importlib.import_module(module), function)
    gc.freeze()
    run(Nursery(socket.socket(fileno=int(descriptor))).run())


if __name__ == "__main__":
    main(*sys.argv[1:])
