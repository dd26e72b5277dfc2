"""`ringpost ring`: what it prints, and what it says where it can't."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import app


def ring(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ring", *arguments])


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RINGPOST_DATA", str(tmp_path))
    monkeypatch.delenv("RINGPOST_ADMIN_URL", raising=False)


def test_simulate_prints_the_rivals_side_by_side() -> None:
    result = ring("simulate", "--clients", "2000", "--gateways", "4", "--nat", "0.4", "--buckets", "4096")

    assert result.exit_code == 0, result.output
    assert "40% of them behind 25 addresses" in result.stdout
    for words in ("bounded loads", "modulo", "1 removed", "1 added", "the least"):
        assert words in result.stdout


def test_simulate_answers_programs_in_one_object() -> None:
    result = ring("simulate", "--clients", "2000", "--gateways", "4", "--remove", "2", "--add", "0", "--json")

    found = json.loads(result.stdout)
    assert [move["change"] for move in found["moves"]] == ["2 removed"]
    assert found["moves"][0]["least"] == 0.5
    assert found["clients"] == 2000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate", "--gateways", "3", "--remove", "3"), "--remove 3 would leave none of 3 gateways"),
        (("simulate", "--buckets", "5000"), "--buckets 5000 is no power of two"),
        (("show",), "No Ringpost runs on"),
        (("where", "192.0.2.7"), "No Ringpost runs on"),
        (("where", "192.0.2.777"), "does not appear to be an IPv4 or IPv6 address"),
        (("show", "--url", "http://127.0.0.1:9"), "No router answers at http://127.0.0.1:9"),
        (("show", "--url", "127.0.0.1"), "No router answers at 127.0.0.1"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: tuple[str, ...], words: str) -> None:
    result = ring(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
