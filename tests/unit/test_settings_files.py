"""Settings from files, as Docker and Kubernetes hand secrets over: read whole, joined, or refused in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.settings import RouterSettings
from services.settings import GatewaySettings
from shared.settings import MOST_BYTES, Settings, SettingsError, load
from shared.storage.migrate import MigrateSettings

SECRET = "s3cret/with?odd@signs" * 2


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RINGPOST_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that RINGPOST_JWT_KEY_FILE names."""
    path = tmp_path / "jwt_key"
    monkeypatch.setenv("RINGPOST_JWT_KEY_FILE", str(path))
    monkeypatch.setenv("RINGPOST_POSTGRES_URL", "postgresql://ringpost@db/ringpost")
    return path


def test_a_file_gives_a_value_without_its_line_end(file: Path) -> None:
    file.write_text(f"{SECRET}\r\n")

    assert load(GatewaySettings).jwt_key.get_secret_value() == SECRET


def test_a_variable_wins_over_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPOST_JWT_KEY", "x" * 32)

    assert load(GatewaySettings).jwt_key.get_secret_value() == "x" * 32


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe" * 40, "not UTF-8"),
        (b"x" * (MOST_BYTES + 1), "too large"),
        (b"tooshort\n", "RINGPOST_JWT_KEY must be 32 bytes or more"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_shows_nothing_of_it(file: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError) as raised:
        load(GatewaySettings)

    said = str(raised.value)
    assert words in said
    assert "RINGPOST_JWT_KEY" in said
    assert "\n" not in said
    assert "tooshort" not in said


def test_a_folder_is_no_file(file: Path) -> None:
    file.mkdir()

    with pytest.raises(SettingsError, match=r"RINGPOST_JWT_KEY_FILE=.*: Is a directory"):
        load(GatewaySettings)


@pytest.mark.parametrize(
    ("kind", "server", "url", "joined"),
    [
        (Settings, "REDIS", "redis://redis:6379/0", "redis://:a%2Fb%40c@redis:6379/0"),
        (RouterSettings, "REDIS", "unix:///run/redis.sock", "unix://:a%2Fb%40c@/run/redis.sock"),
        (MigrateSettings, "POSTGRES", "postgresql://me@db:5432/chat", "postgresql://me:a%2Fb%40c@db:5432/chat"),
    ],
)
def test_a_password_of_its_own_file_is_put_into_the_url(
    kind: type[Settings], server: str, url: str, joined: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("a/b@c\n")
    monkeypatch.setenv(f"RINGPOST_{server}_URL", url)
    monkeypatch.setenv(f"RINGPOST_{server}_PASSWORD_FILE", str(tmp_path / "password"))

    assert getattr(load(kind), f"{server.lower()}_url").get_secret_value() == joined


def test_two_passwords_of_one_server_are_refused_and_neither_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGPOST_REDIS_URL", "redis://:hunter2@redis")
    monkeypatch.setenv("RINGPOST_REDIS_PASSWORD", "hunter3")

    with pytest.raises(SettingsError) as raised:
        load(Settings)

    assert "RINGPOST_REDIS_PASSWORD" in str(raised.value)
    assert "hunter" not in str(raised.value)


@pytest.mark.parametrize("module", ["router", "services", "shared.storage.migrate"])
def test_every_program_ends_with_one_line_and_status_2_where_a_secret_is_missing(module: str, tmp_path: Path) -> None:
    told = {
        "RINGPOST_JWT_KEY": "x" * 32,
        "RINGPOST_POSTGRES_URL": "postgresql://a@127.0.0.1/x",
        "RINGPOST_REDIS_PASSWORD_FILE": str(tmp_path / "absent"),
    }
    ended = subprocess.run([sys.executable, "-m", module], env=told, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    assert ended.stderr == f"ringpost: bad setting: RINGPOST_REDIS_PASSWORD_FILE={tmp_path}/absent: No such file or directory\n"


def test_a_gateway_without_a_name_has_that_of_its_role_and_machine(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(SECRET)
    monkeypatch.setattr("socket.gethostname", lambda: "3f2a1b_pod.example")
    monkeypatch.setenv("RINGPOST_ROLE", "read")

    assert load(GatewaySettings).name == "read-3f2a1b_pod.example"


def test_a_gateway_that_is_to_find_its_address_needs_a_redis_with_a_host(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(SECRET)
    monkeypatch.setenv("RINGPOST_ADVERTISE", "auto")
    monkeypatch.setenv("RINGPOST_REDIS_URL", "unix:///run/redis.sock")

    with pytest.raises(SettingsError, match="RINGPOST_ADVERTISE=auto needs a RINGPOST_REDIS_URL with a host"):
        load(GatewaySettings)
