"""`ringpost up`, as its user meets it: started, stopped, killed, started again."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.gateways import free_port

ROOT = Path(__file__).parents[2]
READY_S, STOP_S = 40.0, 12.0


class Up:
    """One `ringpost up`, its output in a file."""

    def __init__(self, data: Path, *flags: str, user: str | None = None, ignoring: bool = False) -> None:
        self.data, self.read_port, self.write_port = data, free_port(), free_port()
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # it lives as long as this
        ports = ("--read-port", str(self.read_port), "--write-port", str(self.write_port))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", "--data", str(data), *ports, *flags],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(data.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=_ignore_interrupts if ignoring else None,
        )

    def said(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def wait_until(self, words: str) -> str:
        deadline = time.monotonic() + READY_S
        while words not in (said := self.said()):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> float:
        """Press Ctrl-C; return the seconds until it was over."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(STOP_S) == 0, self.said()
        return time.monotonic() - started


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ringpost-up-"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder)


def gone(processes: list[psutil.Process], within_s: float) -> list[psutil.Process]:
    return psutil.wait_procs(processes, timeout=within_s)[1]


def conversations(up: Up, token: str) -> list[str]:
    url = f"http://127.0.0.1:{up.read_port}/v1/conversations"
    listed = httpx.get(url, headers={"Authorization": f"Bearer {token}"}).json()
    return [row["conversation"] for row in listed["conversations"]]


def token_of(said: str) -> str:
    found = re.search(r"eyJ[\w.-]+", said)
    assert found is not None
    return found.group()


def test_it_starts_serves_stops_and_keeps_the_data(data: Path) -> None:
    first = Up(data)
    token = token_of(first.wait_until("Ctrl-C stops it"))
    made = httpx.post(
        f"http://127.0.0.1:{first.write_port}/v1/conversations",
        json={"id": "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"},
        headers={"Authorization": f"Bearer {token}"},
    ).json()["conversation"]
    family = first.family()
    assert len(family) >= 6
    assert stat_mode(data / "keys" / "jwt") == 0o600
    assert stat_mode(data / "run.json") == 0o600
    assert first.interrupt() < 10
    assert gone(family, 1) == []

    second = Up(data)
    token = token_of(second.wait_until("Ctrl-C stops it"))
    assert conversations(second, token) == [made]
    second.interrupt()


def test_what_dies_is_started_again_and_the_terminal_says_so(data: Path) -> None:
    up = Up(data)
    up.wait_until("Ctrl-C stops it")
    victim = next(child for child in up.family() if child.cmdline()[-1] == "services")
    victim.kill()
    said = up.wait_until("started again")
    assert "SIGKILL" in said
    up.interrupt()


def test_a_second_one_on_the_same_data_says_so_and_a_taken_port_is_named(data: Path) -> None:
    up = Up(data)
    up.wait_until("Ctrl-C stops it")
    second = Up(data)
    assert second.process.wait(STOP_S) == 1
    assert len(second.said().strip().splitlines()) == 1
    assert "already" in second.said()
    taken = Up(data.with_name("other"), "--read-port", str(up.read_port))
    assert taken.process.wait(STOP_S) == 1
    assert f"Port {up.read_port}" in taken.said()
    up.interrupt()


def test_a_launcher_that_is_killed_leaves_no_child_and_the_next_start_recovers(data: Path) -> None:
    up = Up(data)
    up.wait_until("Ctrl-C stops it")
    family = up.family()
    up.process.kill()
    up.process.wait()
    if sys.platform == "linux":
        assert gone(family, STOP_S) == []
    again = Up(data)
    again.wait_until("Ctrl-C stops it")
    again.interrupt()


def test_ctrl_c_works_though_it_was_started_with_signals_ignored(data: Path) -> None:
    up = Up(data, ignoring=True)
    up.wait_until("Ctrl-C stops it")
    family = up.family()
    assert up.interrupt() < 10
    assert gone(family, 1) == []


def test_a_password_in_a_flag_is_refused(data: Path) -> None:
    up = Up(data, "--postgres-url", "postgresql://a:secret@127.0.0.1/x")
    assert up.process.wait(STOP_S) == 1
    assert "RINGPOST_POSTGRES_URL" in up.said()
    assert "secret" not in up.said()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; as an ordinary user the other tests show it")
def test_root_may_run_it_as_an_ordinary_user(data: Path) -> None:
    entry = pwd.getpwnam("nobody")
    if not _may_read(entry):
        pytest.skip("this checkout is in a folder that the user nobody can't enter")
    os.chown(data.parent, entry.pw_uid, entry.pw_gid)
    up = Up(data, user="nobody")
    said = up.wait_until("Ctrl-C stops it")
    assert "refuses to run as root" not in said
    family = up.family()
    up.interrupt()
    assert gone(family, 1) == []


def _may_read(entry: pwd.struct_passwd) -> bool:
    try:
        tried = subprocess.run(
            [sys.executable, "-c", "import deploy.cli, uvloop"],
            cwd=ROOT,
            user=entry.pw_uid,
            group=entry.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return tried.returncode == 0


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
