"""Processes of clients, in either language: born with orders, told through their stdin, ended by signals."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from deploy.fuzz.nursery import CHUNK_BYTES
from deploy.replay.polling import until

ROOT = Path(__file__).parents[2]
PYTHON_PROGRAM = "deploy.fuzz.python_client:main"
NODE_PROGRAM = Path(__file__).with_name("node_client.js")
JS_SDK = ROOT / "clients" / "js" / "src" / "index.js"
POLL_S = 0.02
NODE_NEEDED = (20, 10)  # the first that has a WebSocket, behind a flag; from 22 on it needs none

Orders = Mapping[str, Any]


class Absent(Exception):
    """What the clients of an SDK need is not on this machine."""


class Process(Protocol):
    """A client's process."""

    def tell(self, order: Orders) -> None:
        """Say something to it; what nobody hears any more is dropped."""

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it, unless it has ended."""

    async def wait(self) -> int:
        """Wait for its end; return its status, below 0 for a signal's."""


class Mother(Protocol):
    """Gives birth to clients of one SDK."""

    async def bear(self, orders: Orders, output: Path) -> Process:
        """Start a process that appends what it reports to *output*, and its complaints to the same name with `.err`."""

    async def close(self) -> None:
        """End, with all that still lives."""


class Ear:
    """A child's stdin. What is said waits for as long as the child does not listen, and is dropped once it is dead."""

    def __init__(self, pipe: asyncio.WriteTransport) -> None:
        self._pipe = pipe

    def tell(self, order: Orders) -> None:
        if not self._pipe.is_closing():
            self._pipe.write(_line(order))

    def close(self) -> None:
        self._pipe.close()


async def make_ear(pipe: IO[bytes]) -> Ear:
    """Return what speaks into *pipe*."""
    transport, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, pipe)
    return Ear(transport)


class Forked:
    """A child of the nursery."""

    def __init__(self, mother: "PythonMother", number: int, ear: Ear) -> None:
        self._mother, self._number, self._ear = mother, number, ear
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def tell(self, order: Orders) -> None:
        self._ear.tell(order)

    def send_signal(self, number: signal.Signals) -> None:
        if not self.ended.done():
            self._mother.signal(self._number, number)

    async def wait(self) -> int:
        status = await asyncio.shield(self.ended)
        self._ear.close()
        return status


class PythonMother:
    """Clients of the Python SDK; *program* is the `module:function` that runs one."""

    def __init__(self, program: str = PYTHON_PROGRAM) -> None:
        self._line, theirs = socket.socketpair()
        command = [sys.executable, "-m", "deploy.fuzz.nursery", str(theirs.fileno()), program]
        self._nursery = subprocess.Popen(  # noqa: S603  # our own module
            command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._children: dict[int, Forked] = {}
        self._numbers, self._unread = 0, b""
        asyncio.get_running_loop().add_reader(self._line, self._hear)

    async def bear(self, orders: Orders, output: Path) -> Process:
        self._numbers += 1
        number = self._numbers
        theirs, ours = os.pipe()
        ear = await make_ear(os.fdopen(ours, "wb", buffering=0))
        child = self._children[number] = Forked(self, number, ear)
        with output.open("ab") as out, output.with_suffix(".err").open("ab") as err:
            request = {"number": number, "orders": orders}
            socket.send_fds(self._line, [_line(request)], [theirs, out.fileno(), err.fileno()])
        os.close(theirs)
        return child

    def signal(self, child: int, number: signal.Signals) -> None:
        self._line.sendall(_line({"number": child, "signal": int(number)}))

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
        await asyncio.to_thread(self._nursery.wait)

    def _hear(self) -> None:
        data = self._line.recv(CHUNK_BYTES)
        if not data:
            self._lose_all()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for told in map(json.loads, lines):
            self._children.pop(told["number"]).ended.set_result(told["status"])

    def _lose_all(self) -> None:
        asyncio.get_running_loop().remove_reader(self._line)
        for child in self._children.values():
            child.ended.set_exception(Absent("the process that starts Python clients has ended"))


class Spawned:
    """A process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", ear: Ear) -> None:
        self._process, self._ear = process, ear

    def tell(self, order: Orders) -> None:
        self._ear.tell(order)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def wait(self) -> int:
        # Not asyncio's own process: `send_signal` there may take the status from under who waits for it.
        await until(lambda: self._process.poll() is not None, POLL_S)
        self._ear.close()
        return int(self._process.returncode)


class NodeMother:
    """Clients of the JavaScript SDK, which run *program* in Node."""

    def __init__(self, program: Path = NODE_PROGRAM) -> None:
        self._command = (find_node(), "--experimental-websocket", "--no-warnings", str(program))
        self._born: set[Spawned] = set()

    async def bear(self, orders: Orders, output: Path) -> Process:
        with output.open("ab") as out, output.with_suffix(".err").open("ab") as err:
            process = subprocess.Popen(  # noqa: S603, ASYNC220  # it is over as soon as Node has begun
                [*self._command, json.dumps(orders)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,  # a terminal's Ctrl-C is for who started this
            )
        assert process.stdin is not None
        spawned = Spawned(process, await make_ear(process.stdin))
        self._born.add(spawned)
        return spawned

    async def close(self) -> None:
        for spawned in self._born:
            spawned.send_signal(signal.SIGKILL)
            await spawned.wait()


def find_node() -> str:
    """Return the path of a Node that runs the JavaScript SDK.

    Raises:
        Absent: there is none, or the SDK is not there.
    """
    if not JS_SDK.exists():
        raise Absent("the JavaScript SDK is not there: it comes with a checkout, in clients/js")
    node = shutil.which("node")
    if node is None:
        raise Absent("node is not there: the JavaScript SDK can't be run")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    if tuple(int(part) for part in said.lstrip("v").split(".")[:2]) < NODE_NEEDED:
        raise Absent(f"node is {said}, and the JavaScript SDK needs 20.10 or later")
    return node


def _line(order: Orders) -> bytes:
    return json.dumps(order).encode() + b"\n"
