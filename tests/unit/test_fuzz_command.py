"""What `ringpost fuzz` does where something that it needs is not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cli.fuzz import Which, _makers
from deploy.fuzz.schedule import Sdk

ROOT = Path(__file__).parents[2]
NOWHERE = ("--read-url", "http://127.0.0.1:9", "--write-url", "http://127.0.0.1:9")


def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "fuzz", *words]
    environment = {"PATH": "", "RINGPOST_DATA": "/nowhere"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--client", "js", *NOWHERE), "node is not there"),
        (("--client", "python"), "No Ringpost runs on"),
        (NOWHERE[:2], "give both --read-url and --write-url"),
        (("--kill", "read", *NOWHERE), "--kill needs the data folder"),
        (("--kill", "reader", *NOWHERE), "'reader' is no part of the system"),
    ],
)
def test_what_is_missing_is_said_in_one_line(words: tuple[str, ...], said: str) -> None:
    done = fuzz(*words)

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_node_both_goes_on_with_python_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")

    assert set(_makers(Which.BOTH)) == {Sdk.PYTHON}
    assert "node is not there" in capsys.readouterr().err
