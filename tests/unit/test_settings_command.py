"""`ringpost settings`: every variable with its value and meaning, and no secret."""

import pytest
from typer.testing import CliRunner

from deploy.cli import app


def _shown(*program: str) -> dict[str, str]:
    result = CliRunner().invoke(app, ["settings", *program])
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert all(len(row) == 4 and row[3] for row in rows)
    return {variable: value for _, variable, value, _ in rows}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RINGPOST_POSTGRES_URL", "RINGPOST_JWT_KEY", "RINGPOST_READ_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_it_works_where_a_required_variable_is_not_set() -> None:
    shown = _shown("gateway")

    assert shown["RINGPOST_POSTGRES_URL"] == shown["RINGPOST_JWT_KEY"] == "(required)"
    assert shown["RINGPOST_HEARTBEAT_S"] == "10.0"


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "RINGPOST_POSTGRES_URL",
        "RINGPOST_JWT_KEY",
        "RINGPOST_REDIS_URL",
        "RINGPOST_ADMIN_KEY",
        "RINGPOST_PROXY_SECRET",
    ):
        monkeypatch.setenv(name, "hunter2")

    assert [variable for variable, value in _shown().items() if "hunter2" in value] == []
    assert _shown("gateway")["RINGPOST_JWT_KEY"] == "(set)"


def test_one_program_shows_its_own_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPOST_READ_PORT", "9000")

    assert _shown("router")["RINGPOST_READ_PORT"] == "9000"
    assert "RINGPOST_READ_PORT" not in _shown("gateway")
