"""Where the documents' commands run: a folder that looks like a checkout with real chat in it, and a system beside it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.port import free_port
from tests.chat import make_logs
from tests.documents.commands import Command
from tests.documents.likeness import difference
from tests.system import ROOT, Up

LOGS, LINES, COLUMNS = 3, 120, "160"
LIMIT_S, STOP_S = 300.0, 15.0
_PORTS = re.compile(r"(127\.0\.0\.1|localhost):800([01])\b")


def lay_out(folder: Path, *, is_copy: bool) -> Path:
    """Fill *folder* with what the checkout has, as links or as a copy of what is committed, and with logs in `chat/`."""
    if is_copy:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    else:
        for path in ROOT.iterdir():
            if path.name not in (".ringpost", ".git", "chat"):
                (folder / path.name).symlink_to(path)
    (folder / "chat").mkdir()
    make_logs(folder / "chat", LOGS, LINES)
    return folder


@dataclass(slots=True)
class Stage:
    """*environment* is what the commands get; with *up* a system runs, and the documents' ports are its."""

    folder: Path
    environment: Mapping[str, str]
    ports: tuple[int, int]

    def run_all(self, commands: Sequence[Command]) -> str | None:
        """Run the commands of a block, each with what those before it have exported; return what is wrong with one of them."""
        exported: list[str] = []
        for command in commands:
            if (wrong := self._run(command, "; ".join([*exported, command.text]))) is not None:
                return f"{command}: {wrong}"
            if command.text.startswith("export "):
                exported.append(command.text)
        return None

    def _run(self, command: Command, text: str) -> str | None:
        text = _PORTS.sub(lambda found: f"{found[1]}:{self.ports[int(found[2])]}", text)
        with (self.folder / "output.txt").open("w+") as output:
            process = subprocess.Popen(
                ["bash", "-c", text], cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                return self._watch(command, process, self.folder / "output.txt")
            finally:
                _end(process)

    def _watch(self, command: Command, process: "subprocess.Popen[bytes]", output: Path) -> str | None:
        deadline, is_service = time.monotonic() + LIMIT_S, "service" in command.marks
        while process.poll() is None:
            printed = output.read_text(errors="replace").splitlines()
            if is_service and difference([*command.shown, "…"], printed) is None:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(STOP_S)
                return None
            if time.monotonic() > deadline:
                return f"it did not end within {LIMIT_S:g} s; it printed {printed[-5:]}"
            time.sleep(0.1)
        printed = output.read_text(errors="replace").splitlines()
        if process.returncode != 0:
            return f"it ended with status {process.returncode}: {printed[-8:]}"
        found = difference(command.shown, printed) if command.shown else None
        return found and f"{found}; it printed {printed}"


def make_stage(folder: Path, up: Up | None) -> Stage:
    """Return a stage in *folder*, beside the system *up* or beside none."""
    ports = (up.read_port, up.write_port) if up else (free_port(), free_port())
    own = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "COLUMNS": COLUMNS,
        "LC_ALL": "C.UTF-8",
        "RINGPOST_DATA": str(up.data if up else folder / ".ringpost"),
        "RINGPOST_READ_PORT": str(ports[0]),
        "RINGPOST_WRITE_PORT": str(ports[1]),
    }
    return Stage(folder, own | ({"TOKEN": up.token()} if up else {}), ports)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue
