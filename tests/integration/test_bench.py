"""The benchmark harness on real systems: a short run of a part, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.bench.cores import pinned
from tests.bench.cpu import Meter
from tests.system import ROOT

pytestmark = pytest.mark.slow

BUSY = "import time\nwhile time.process_time() < {}: pass\n"


def start(*words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tests.bench", "first", *words]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_short_run_measures_both_systems_and_checks_every_delivery(tmp_path: Path) -> None:
    bench = start("--rounds", "1", "--seconds", "0.3", "--only", "one conversation", "--out", str(tmp_path))

    said, complained = bench.communicate(timeout=100)

    assert bench.returncode == 0, complained
    assert "deliveries a server-CPU-second" in said
    assert "FastAPI tutorial" in said
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    bench = start("--only", "one conversation", "--out", str(tmp_path))
    assert bench.stdout is not None
    bench.stdout.readline()  # the first round has begun
    family = psutil.Process(bench.pid).children(recursive=True)

    bench.send_signal(signal.SIGINT)
    _, complained = bench.communicate(timeout=30)

    assert bench.returncode == 130
    assert complained == "bench: stopped; nothing was written.\n"
    assert len(family) > 4
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert list(tmp_path.iterdir()) == []


def test_the_meter_counts_children_also_those_that_have_ended() -> None:
    script = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {BUSY.format(0.2)!r}])\nprint(flush=True)\n"
    with subprocess.Popen([sys.executable, "-c", script + BUSY.format(0.3)], stdout=subprocess.PIPE) as parent:
        meter, before = Meter(parent.pid), 0.0
        assert parent.stdout is not None
        parent.stdout.readline()
        child_ended = meter.seconds()
        deadline = time.monotonic() + 20
        while meter.seconds() - child_ended < 0.1 and time.monotonic() < deadline:
            time.sleep(0.01)

        assert child_ended - before >= 0.2
        assert meter.seconds() - child_ended >= 0.1


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")
def test_what_is_started_on_a_core_stays_there() -> None:
    core = max(os.sched_getaffinity(0))
    with pinned(core):
        process = subprocess.Popen(["sleep", "10"])

    assert psutil.Process(process.pid).cpu_affinity() == [core]
    assert len(os.sched_getaffinity(0)) > 1
    process.kill()
    process.wait()
