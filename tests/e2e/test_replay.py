"""`ringpost replay` against a whole system: zeros while parts of it are killed and stopped, and red for a planted fault."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from tests.chat import make_logs, speed_for
from tests.system import READY, ROOT, Up
from tests.terminal import wait_until

FAULTS = ("lost", "duplicated", "out_of_order", "altered", "disagreements")


@pytest.fixture(scope="module")
def system() -> Iterator[Up]:
    """One system for all of these: what a test kills is started again."""
    folder = Path(tempfile.mkdtemp(prefix="ringpost-replay-"))
    folder.chmod(0o755)
    up = Up(folder / "data")
    up.wait_until(READY)
    yield up
    print(up.said())  # which pytest shows of a test that failed, the last one at least
    up.close()
    shutil.rmtree(folder)


def _start(system: Up | None, logs: list[Path], *flags: str) -> subprocess.Popen[str]:
    known = {"RINGPOST_DATA": str(system.data)} if system else {}
    ours = [sys.executable, "-m", "deploy.cli", "replay", *map(str, logs), *flags]
    return subprocess.Popen(
        ours, cwd=ROOT, env={"PATH": "", **known}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _end(process: subprocess.Popen[str], within_s: float) -> tuple[str, str]:
    """Wait for the end; return what is on stdout and stderr. One that does not come to it is interrupted, for what it says."""
    try:
        return process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            out, err = process.communicate(timeout=10)
            pytest.fail(f"it did not end within {within_s:.0f} s; interrupted, it says:\n{out}{err}")
        process.kill()
        raise
    finally:
        process.wait(1)


def _replay(system: Up | None, logs: list[Path], *flags: str, status: int = 0) -> dict[str, Any]:
    """Replay to the end, which must come with *status*; return what it found."""
    process = _start(system, logs, *flags, "--json")
    out, err = _end(process, 100)
    assert process.returncode == status, out + err
    found: dict[str, Any] = json.loads(out)
    return found


def _assert_clean(found: dict[str, Any], sent: int) -> None:
    assert {fault: found[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0), found["faults"]
    assert (found["sent"], found["acknowledged"], found["stored"]) == (sent, sent, sent)
    assert found["select"] == "compared"


def _execute(system: Up, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(system.local().postgres_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())


@pytest.mark.parametrize(
    "way",
    [
        ("--via", "ws"),
        pytest.param(("--via", "post"), marks=pytest.mark.slow),
        pytest.param(("--pipelined",), marks=pytest.mark.slow),
    ],
)
def test_chat_arrives_whole_and_in_order(system: Up, tmp_path: Path, way: tuple[str, ...]) -> None:
    found = _replay(system, make_logs(tmp_path, 3, 150), "--watchers", "2", *way)
    _assert_clean(found, found["sent"])
    assert found["sent"] + found["refused"] == 450
    assert found["deliveries"] == 2 * found["sent"]
    assert 0 < found["ack_ms"]["p50"] <= found["ack_ms"]["p99"]
    assert 0 < found["delivery_ms"]["p50"] <= found["delivery_ms"]["p99"]


@pytest.mark.slow
def test_by_every_transport_and_by_all_in_turn_the_same_chat_is_seen(system: Up, tmp_path: Path) -> None:
    logs = make_logs(tmp_path, 2, 120)
    found = _replay(system, logs, "--watchers", "4", "--watch-via", "ws,sse,poll,mixed", "--speed", speed_for(logs, 10))
    _assert_clean(found, found["sent"])
    assert found["watch_via"] == ["ws", "sse", "poll", "mixed"]
    assert found["deliveries"] == 4 * found["sent"]
    assert found["switches"] >= 1
    assert found["disconnects"] == 0


@pytest.mark.slow
def test_by_every_transport_nothing_is_lost_while_read_gateways_and_redis_are_killed(system: Up, tmp_path: Path) -> None:
    logs = make_logs(tmp_path, 3, 400)
    ways = ("--watchers", "4", "--watch-via", "ws,sse,poll,mixed")
    found = _replay(system, logs, *ways, "--kill", "read,redis", "--seed", "3", "--speed", speed_for(logs, 30))
    _assert_clean(found, found["sent"])
    assert found["deliveries"] == 4 * found["sent"]
    assert found["kills"] >= 5
    assert found["switches"] >= 3


def test_empty_lines_are_refused_and_notices_are_not_sent(system: Up, tmp_path: Path) -> None:
    log = tmp_path / "odd.txt"
    log.write_bytes(b"[09:00] <a> one\n[09:00] <a> \n=== a is now known as b\n[09:01]  * b waves\x07\n")
    found = _replay(system, [log])
    _assert_clean(found, 2)
    assert found["refused"] == 1


def test_nothing_is_lost_while_every_part_is_killed_again_and_again(system: Up, tmp_path: Path) -> None:
    logs = make_logs(tmp_path, 4, 400)
    flags = ("--watchers", "2", "--kill", "read,write,redis,router,postgres", "--seed", "7", "--speed", speed_for(logs, 14))
    found = _replay(system, logs, *flags)
    _assert_clean(found, found["sent"])
    assert found["kills"] >= 5
    assert found["reconnects"] > 0


def test_sends_are_acknowledged_and_delivered_while_redis_is_stopped(system: Up, tmp_path: Path) -> None:
    logs = make_logs(tmp_path, 3, 400)
    found = _replay(system, logs, "--watchers", "2", "--stop", "redis:4", "--speed", speed_for(logs, 12))
    _assert_clean(found, found["sent"])
    stopped = found["stopped"]
    assert stopped["acknowledged"] > 50
    assert stopped["ack_ms"]["max"] < 2000
    assert stopped["late_ms"]["max"] < 2500  # 2 s, and half a second for a busy machine


def test_a_text_that_is_altered_on_its_way_turns_it_red(system: Up, tmp_path: Path) -> None:
    _execute(
        system,
        """
        CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN new.text := new.text || '!'; RETURN new; END $$;
        CREATE TRIGGER spoil BEFORE INSERT ON events FOR EACH ROW WHEN (new.seq = 9) EXECUTE FUNCTION spoil();
        """,
    )
    found = _replay(system, make_logs(tmp_path, 1, 30), "--watchers", "1", status=1)
    _execute(system, "DROP FUNCTION spoil CASCADE")
    # What is served of recent events is what was published; the database has the other text.
    assert found["altered"] >= 1, found["faults"]
    assert found["disagreements"] >= 1, found["faults"]


def test_without_a_system_it_says_so_in_one_line(tmp_path: Path) -> None:
    process = _start(None, make_logs(tmp_path, 1, 5))
    out, err = _end(process, 30)
    assert (process.returncode, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "make run" in err


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--kill", "cat"), "cat"),
        (("--stop", "redis:x"), "redis:x"),
        (("--speed", "0"), "--speed 0"),
        (("--watch-via", "ws,pigeon"), "pigeon"),
    ],
)
def test_a_wrong_flag_is_one_line(system: Up, tmp_path: Path, flags: tuple[str, ...], word: str) -> None:
    process = _start(system, make_logs(tmp_path, 1, 5), *flags)
    out, err = _end(process, 30)
    assert (process.returncode, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert word in err


def test_ctrl_c_ends_it_cleanly(system: Up, tmp_path: Path) -> None:
    process = _start(system, make_logs(tmp_path, 2, 400), "--speed", "1")
    wait_until(lambda: bool(psutil.Process(process.pid).net_connections()), lambda: "it calls nobody")
    process.send_signal(signal.SIGINT)
    out, err = _end(process, 15)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "stopped" in err
