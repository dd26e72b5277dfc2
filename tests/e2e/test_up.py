"""`ringpost up`, as its user meets it: started, stopped, killed, started again."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.local.errors import NotRunning
from deploy.local.found import find_local
from tests.conftest import StartUp
from tests.system import READY, ROOT, STOP_S, Up, gone

FEW = ("--read", "1")  # a quarter less to start, where it does not matter who runs


def _ignore_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _conversations(up: Up) -> list[str]:
    listed = httpx.get(f"{up.read_url}/v1/conversations", headers={"Authorization": f"Bearer {up.token()}"}).json()
    return [row["conversation"] for row in listed["conversations"]]


def _create(up: Up) -> str:
    """Create a conversation, trying again as a client does while a part is away."""
    id = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"
    deadline = time.monotonic() + 20
    while True:
        try:
            made = httpx.post(
                f"{up.write_url}/v1/conversations", json={"id": id}, headers={"Authorization": f"Bearer {up.token()}"}
            )
            if made.is_success:
                return str(made.json()["conversation"])
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _shown_secrets(up: Up) -> list[str]:
    """Return the keys that a list of processes shows."""
    secrets = [path.read_text().strip() for path in (up.data / "keys").iterdir()]
    assert len(secrets) == 5
    shown = " ".join(word for process in up.family() for word in process.cmdline())
    return [secret for secret in secrets if secret in shown]


def _assert_one_line(up: Up, *words: str) -> None:
    """It ended before it started anything, and said why in one line."""
    assert up.process.wait(STOP_S) == 1
    said = up.said().strip()
    assert len(said.splitlines()) == 1, said
    for word in words:
        assert word in said
    assert not (up.data / "postgres").exists()


def test_it_starts_serves_stops_and_keeps_the_data(start_up: StartUp, data: Path) -> None:
    first = start_up(data)
    first.wait_until(READY)
    made = _create(first)
    family = first.family()
    assert _shown_secrets(first) == []
    assert set(first.local().processes) == {"postgres", "redis", "router-1", "write-1", "read-1", "read-2"}
    assert {os.getpgid(pid) for pid in first.local().processes.values()} == set(first.local().processes.values())
    assert _mode(data / "keys") == 0o700
    assert _mode(data / "keys" / "jwt") == _mode(data / "run.json") == 0o600
    assert first.interrupt() < 10
    assert gone(family, 1) == []
    with pytest.raises(NotRunning):
        find_local(data)

    second = start_up(data, *FEW)
    second.wait_until(READY)
    assert _conversations(second) == [made]


def test_what_dies_is_started_again_and_the_terminal_says_so(system: Up) -> None:
    before = system.local()
    for part in ("read-1", "redis", "router-1", "postgres"):
        os.kill(before.processes[part], signal.SIGKILL)
        system.wait_until(f"{part} ended (signal SIGKILL)")
        system.wait_until(f"{part} started again")

    assert _create(system) in _conversations(system)
    after = system.local()
    assert [name for name, pid in before.processes.items() if after.processes[name] == pid] == ["write-1", "read-2"]
    assert (after.postgres_url, after.redis_url) == (before.postgres_url, before.redis_url)


def test_a_second_one_on_the_same_data_says_so_and_a_taken_port_is_named(start_up: StartUp, data: Path) -> None:
    up = start_up(data, *FEW)
    up.wait_until(READY)
    second = start_up(data)
    assert second.process.wait(STOP_S) == 1
    assert len(second.said().strip().splitlines()) == 1
    assert "already" in second.said()
    _assert_one_line(start_up(data.with_name("other"), "--read-port", str(up.read_port)), f"Port {up.read_port} is taken")
    assert up.local().read_url == up.read_url


def test_what_it_can_not_do_is_said_in_one_line_before_anything_starts(start_up: StartUp, data: Path) -> None:
    _assert_one_line(start_up(data, "--read-port", "29999", "--write-port", "29999"), "29999")
    _assert_one_line(start_up(data, env={"RINGPOST_HEARTBEAT_S": "often"}), "RINGPOST_HEARTBEAT_S")
    _assert_one_line(start_up(data, env={"RINGPOST_REDIS_URL_FILE": "/nowhere"}), "RINGPOST_REDIS_URL_FILE")


@pytest.mark.parametrize("url", ["postgresql://a:hunter2@127.0.0.1/x", "postgresql://127.0.0.1/x?user=a&password=hunter2"])
def test_a_password_in_a_flag_is_refused(start_up: StartUp, data: Path, url: str) -> None:
    up = start_up(data, "--postgres-url", url)
    _assert_one_line(up, "RINGPOST_POSTGRES_URL")
    assert "hunter2" not in up.said()


@pytest.mark.slow
def test_a_launcher_that_is_killed_leaves_no_child_and_the_next_start_recovers(start_up: StartUp, data: Path) -> None:
    up = start_up(data, *FEW)
    up.wait_until(READY)
    made = _create(up)
    family = up.family()
    up.process.kill()
    up.process.wait()
    if sys.platform == "linux":
        assert gone(family, STOP_S) == []
    with pytest.raises(NotRunning):
        find_local(data)

    again = start_up(data, *FEW)
    again.wait_until(READY)
    assert _conversations(again) == [made]


@pytest.mark.slow
def test_the_next_start_stops_what_a_killed_launcher_could_not(start_up: StartUp, data: Path) -> None:
    up = start_up(data)
    up.wait_until(READY)
    stopped = [psutil.Process(up.local().processes[name]) for name in ("read-1", "redis", "postgres")]
    for process in stopped:
        process.suspend()  # so that the death signal does not reach it
    up.process.kill()
    up.process.wait()
    assert len(gone(stopped, 1)) == 3

    again = start_up(data)
    said = again.wait_until(READY)
    assert "Still running from a launcher that was killed" in said
    assert gone(stopped, 0) == []


@pytest.mark.slow
def test_ctrl_c_works_though_it_was_started_with_signals_ignored(start_up: StartUp, data: Path) -> None:
    up = start_up(data, before=_ignore_signals)
    up.wait_until(READY)
    family = up.family()
    assert up.interrupt() < 10
    assert gone(family, 1) == []


@pytest.mark.slow
def test_ctrl_c_ends_children_that_are_stopped_within_ten_seconds(start_up: StartUp, data: Path) -> None:
    up = start_up(data)
    up.wait_until(READY)
    family = up.family()
    for pid in up.local().processes.values():
        os.kill(pid, signal.SIGSTOP)
    assert up.interrupt() < 10
    assert gone(family, 1) == []


def test_ctrl_c_works_while_it_waits_for_a_database_that_does_not_answer(start_up: StartUp, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        up = start_up(data, "--postgres-url", f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/x")
        silent.settimeout(STOP_S)
        connection, _ = silent.accept()
        family = up.family()
        assert up.interrupt() < 10
        connection.close()
    assert gone(family, 1) == []


def test_gateways_of_both_roles_and_several_routers_serve(start_up: StartUp, data: Path) -> None:
    up = start_up(data, "--role", "both", "--read", "2", "--write", "3", "--routers", "2")
    assert "--write is ignored" in up.wait_until(READY)
    assert set(up.local().processes) == {"postgres", "redis", "router-1", "router-2", "both-1", "both-2"}
    assert httpx.get(f"{up.write_url}/config").json()["roles"] == ["read", "write"]
    assert _create(up) in _conversations(up)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; as an ordinary user the other tests show it")
def test_root_may_run_it_as_an_ordinary_user(start_up: StartUp, data: Path) -> None:
    entry = pwd.getpwnam("nobody")
    if not _may_read(entry):
        pytest.skip("this checkout is in a folder that the user nobody can't enter")
    os.chown(data.parent, entry.pw_uid, entry.pw_gid)
    up = start_up(data, user="nobody")
    assert "root" not in up.wait_until(READY)
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


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
