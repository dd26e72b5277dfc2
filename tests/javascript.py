"""Node for the tests of the JavaScript client and the page: what it takes, their own tests, and programs that run in it."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

CLIENT = Path(__file__).parents[1] / "clients" / "js"
TSC = CLIENT / "node_modules" / ".bin" / "tsc"
NODE = shutil.which("node") or ""
NEEDED = (20, 10)  # the first that has a WebSocket, behind a flag; from 22 on it needs none
WAIT_S = 40.0


def _lacking() -> str:
    """Return what is missing, in one line; nothing if it is all there."""
    if not NODE:
        return "node is not there: the JavaScript client is not tested"
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = tuple(int(part) for part in said.lstrip("v").split(".")[:2])
    return "" if version >= NEEDED else f"node is {said}, and the JavaScript client needs 20.10 or later"


LACKING = _lacking()
needs_node = pytest.mark.skipif(bool(LACKING), reason=LACKING)
needs_typescript = pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not there (npm install in clients/js)")


def run_tests(test: Path, package: Path) -> None:
    """Have Node run the tests in the file *test* of *package*; each of them is to pass."""
    run = subprocess.run([NODE, "--test", str(test)], cwd=package, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


def check_types(package: Path) -> None:
    """Have TypeScript check the comments of *package*; all of them are to hold."""
    run = subprocess.run([str(TSC), "-p", str(package)], capture_output=True, text=True, timeout=100)

    assert run.returncode == 0, run.stdout[-4000:]


class Program:
    """A program in Node that prints words, and at its end one line of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self._process, self._lines = process, process.stdout

    async def says(self, word: str) -> None:
        """Wait until it prints *word*, which is to be what it prints next."""
        async with asyncio.timeout(WAIT_S):
            assert (await self._lines.readline()).decode().strip() == word

    async def comes_to(self, word: str) -> None:
        """Wait until it prints *word*, whatever it prints before."""
        async with asyncio.timeout(WAIT_S):
            while line := await self._lines.readline():
                if line.decode().strip() == word:
                    return
        raise AssertionError(f"it ended, and had not said {word}")

    async def result(self, tell: str = "") -> dict[str, Any]:
        """Say *tell*, close its input, and wait for its end; return what it printed last."""
        assert self._process.stdin is not None
        self._process.stdin.write(tell.encode())
        self._process.stdin.close()
        async with asyncio.timeout(WAIT_S):
            *_, last = (await self._lines.read()).decode().splitlines()
            assert await self._process.wait() == 0
        result: dict[str, Any] = json.loads(last)
        return result

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running_node(script: str, **about: object) -> AsyncIterator[Program]:
    """Run a script of `clients/js/test/live`; it is killed if it has not ended by itself."""
    path = CLIENT / "test" / "live" / script
    process = await asyncio.create_subprocess_exec(
        *(NODE, "--experimental-websocket", "--no-warnings", str(path), json.dumps(about)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    program = Program(process)
    try:
        yield program
    finally:
        await program.kill()
