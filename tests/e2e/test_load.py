"""`make load`, `ringpost capacity`, `make scaling-report` and `make hold`, small, on real systems."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from deploy.local.process import is_alive
from tests.conftest import StartUp
from tests.system import READY, ROOT, Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOCUST = (sys.executable, "-m", "locust", "--headless", "--only-summary", "--stop-timeout", "40")


def run(*argv: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=280, check=False)


def load(up: Up, mix: str, users: int, seconds: int) -> "subprocess.CompletedProcess[str]":
    argv = (sys.executable, "-m", "tests.load", "--mix", mix, "--users", str(users), "--seconds", str(seconds))
    return run(*argv, RINGPOST_DATA=str(up.data))


def started(start_up: StartUp, data: Path, *flags: str, env: Mapping[str, str] | None = None) -> Up:
    up = start_up(data, *flags, env=env)
    up.wait_until(READY)
    return up


def test_people_of_both_mixes_chat_without_a_breach(start_up: StartUp, data: Path) -> None:
    up = started(start_up, data, "--role", "both")
    messenger = load(up, "messenger", users=20, seconds=5)
    slack = load(up, "slack", users=40, seconds=10)

    for done in (messenger, slack):
        assert done.returncode == 0, done.stdout + done.stderr
        assert "send to acknowledgement" in done.stdout + done.stderr
        assert "send to delivery" in done.stdout + done.stderr


def test_people_go_on_through_a_drain_and_a_kill(start_up: StartUp, data: Path) -> None:
    up = started(start_up, data, "--read", "2", "--write", "2")
    argv = (sys.executable, "-m", "tests.load", "--mix", "messenger", "--users", "20", "--seconds", "20")
    environment = {"PATH": os.environ["PATH"], "RINGPOST_DATA": str(up.data)}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=ROOT)
    time.sleep(12)
    os.kill(up.local().processes["read-1"], signal.SIGTERM)
    os.kill(up.local().processes["write-1"], signal.SIGTERM)
    time.sleep(6)
    os.kill(up.local().processes["read-2"], signal.SIGKILL)
    said, _ = process.communicate(timeout=120)

    assert process.returncode == 0, said
    assert "without a socket" in said  # of those whose gateway was killed


def test_a_socket_that_swallows_frames_fails_the_run(start_up: StartUp, data: Path) -> None:
    up = started(start_up, data)
    words = ("-f", "tests/load/planted.py", "--mix", "messenger", "-u", "10", "-r", "10", "--run-time", "15s")
    done = run(*LOCUST, *words, RINGPOST_DATA=str(up.data))

    assert done.returncode != 0
    assert "lost: " in done.stderr


def test_without_a_system_it_says_how_to_name_one(data: Path) -> None:
    done = run(sys.executable, "-m", "tests.load", RINGPOST_DATA=str(data))

    assert done.returncode == 1
    assert "RINGPOST_READ_URL" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_capacity_says_what_this_machine_carries() -> None:
    argv = (sys.executable, "-m", "deploy.cli", "capacity", "--clients", "200", "--seconds", "2", "--json")
    done = run(*argv)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    kernel = next(carried for carried in found["carried"] if carried["plane"] == "kernel")
    assert 0 < kernel["users"] <= kernel["connections_by_memory"]
    assert 1_000 < found["measured"]["bytes_a_connection"]["kernel"] < 100_000
    assert {limit["name"] for limit in found["limits"]} >= {"nofile", "somaxconn"}


def test_an_interrupted_capacity_leaves_nothing_running() -> None:
    process = subprocess.Popen([sys.executable, "-m", "deploy.cli", "capacity"], stderr=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("connecting"):
            break
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    status = process.wait(60)

    assert status == 130
    assert family
    assert not [child for child in family if is_alive(child.pid)]


def test_the_scaling_report_is_written(tmp_path: Path) -> None:
    words = ("--guests", "200", "--seconds", "0.5", "--steps", "1", "--out", str(tmp_path))
    done = run(sys.executable, "-m", "tests.bench.scaling", *words)

    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"scaling.json", "scaling.md", "scaling.svg"}
    ramps = json.loads((tmp_path / "scaling.json").read_text())["ramps"]
    assert {(ramp["read"], ramp["write"]) for ramp in ramps} == {(1, 1), (2, 1), (4, 1), (1, 2)}


@pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "nft"))), reason="needs root and nft")
def test_connections_are_held_and_come_back_after_a_kill(tmp_path: Path) -> None:
    words = ("--connections", "300", "--rooms", "30", "--read", "3", "--seconds", "2", "--process-guests", "200")
    done = run(sys.executable, "-m", "tests.bench.hold", *words, "--out", str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "connections.json").read_text())["figures"]
    assert figures["connections"] == 300
    assert figures["cuts"] == figures["killed_with"]
    assert figures["all_deliveries"] == 30 * figures["all_sends"]
