"""`ringpost replay --roll`: every gateway of a whole system is restarted while people chat, and no client is without one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.replay.roller import parse_pools
from tests.chat import make_logs, speed_for
from tests.conftest import StartUp
from tests.system import READY, ROOT, Up

FAULTS = ("lost", "duplicated", "out_of_order", "altered", "disagreements")


def roll(system: Up, logs: list[Path], *flags: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "deploy.cli", "replay", *map(str, logs), "--roll", "read,write", "--json", *flags]
    environment = {"PATH": "", "RINGPOST_DATA": str(system.data)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=150, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.slow
def test_a_deploy_under_chat_costs_nobody_anything(start_up: StartUp, data: Path, tmp_path: Path) -> None:
    system = start_up(data, "--read", "2", "--write", "2")
    system.wait_until(READY)
    logs = make_logs(tmp_path, 4, 400)
    found = roll(system, logs, "--watchers", "3", "--speed", speed_for(logs, 25))

    assert {fault: found[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0), found["faults"]
    assert found["acknowledged"] == found["stored"] == found["sent"]
    assert (found["restarts"], found["disconnects"], found["reconnects"]) == (4, 0, 0)
    assert found["without_socket_ms"] == 0
    assert found["moves"] >= 8


def test_only_gateways_are_rolled() -> None:
    assert parse_pools("read, write") == ("read", "write")
    with pytest.raises(ValueError, match="'redis' is no pool"):
        parse_pools("redis")
