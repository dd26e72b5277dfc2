"""Settings: from the environment, checked before a port opens.

Every setting is `RINGPOST_` and its name in capitals. Any may also come from a file, as secrets do: `RINGPOST_JWT_KEY_FILE`
names one, its content without the last line end is the value. A password may stand by itself (`RINGPOST_REDIS_PASSWORD`), and
is put into the URL that it belongs to. A program derives its settings class from `Settings` and reads it with `load`.
"""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

PREFIX = "RINGPOST_"
MOST_BYTES = 64 << 10
REDIS_URL = "redis://127.0.0.1:6379/0"


class LogFormat(StrEnum):
    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class _FileSource(EnvSettingsSource):
    """Read `RINGPOST_NAME_FILE` where `RINGPOST_NAME` is not set."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path or os.environ.get(variable.removesuffix("_FILE")):
            return None, field_name, False
        try:
            return _read(Path(path)), field_name, False
        except ValueError as error:
            raise SettingsError(f"{variable}={path}: {error}") from None


def _read(path: Path) -> str:
    """Return what *path* holds; raise ValueError where that is no value."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(error.strerror) from None
    if len(content) > MOST_BYTES:
        raise ValueError("it is too large")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not text.strip():
        raise ValueError("it is empty")
    return text


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and how to mend it."""


class Settings(BaseSettings):
    """What every process of Ringpost has."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    redis_url: SecretStr = Field(SecretStr(REDIS_URL), description="Redis or Valkey, as a URL.")
    redis_password: SecretStr | None = Field(None, description="Its password, if the URL has none.")
    prefix: str = Field("ringpost", pattern="^[a-z0-9_-]{1,64}$", description="In front of every key and channel in Redis.")
    log_format: LogFormat = Field(LogFormat.AUTO, description="text, json, or auto: text on a terminal, else json.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error.")
    redis_timeout_s: float = Field(2.0, gt=0, le=60, description="Longest wait for one answer of Redis, in seconds.")

    @model_validator(mode="before")
    @classmethod
    def _join_passwords(cls, given: dict[str, Any]) -> dict[str, Any]:
        for server, default in (("redis", REDIS_URL), ("postgres", None)):
            password, url = given.get(f"{server}_password"), given.get(f"{server}_url", default)
            if password and url:
                given[f"{server}_url"] = _join(_plain(url), _plain(password), server.upper())
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


AnySettings = TypeVar("AnySettings", bound=Settings)


def load(kind: type[AnySettings], **given: Any) -> AnySettings:
    """Read and check the settings of *kind*; what is *given* wins over the environment.

    Raises:
        SettingsError: with one line that names each bad setting and never shows a value.
    """
    try:
        return kind(**given)
    except SourceError as error:
        raise (error.__cause__ or error) from None  # a file that can't be read
    except ValidationError as error:
        raise SettingsError("; ".join(_fault(e["loc"], e["msg"]) for e in error.errors())) from None


def _fault(place: tuple[int | str, ...], words: str) -> str:
    """Say what is wrong with one setting; with several together where *place* names none."""
    words = words.removeprefix("Value error, ")
    return f"{PREFIX}{'.'.join(map(str, place)).upper()}: {words}" if place else words


def load_or_exit(kind: type[AnySettings], **given: Any) -> AnySettings:
    """Like `load`, but end the process with status 2 and one line."""
    try:
        return load(kind, **given)
    except SettingsError as error:
        _exit(str(error))


def _exit(message: str) -> NoReturn:
    print(f"ringpost: bad setting: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


def _join(url: str, password: str, server: str) -> str:
    """Return *url* with *password* in it."""
    parts = urlsplit(url)
    user, has_user, place = parts.netloc.rpartition("@")
    if ":" in user:
        raise ValueError(f"{PREFIX}{server}_URL has a password, and {PREFIX}{server}_PASSWORD gives one: set one of them")
    return parts._replace(netloc=f"{user if has_user else ''}:{quote(password, safe='')}@{place}").geturl()


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (variable, value, meaning) of every setting, secrets masked."""
    return [
        (f"{PREFIX}{name.upper()}", _shown(getattr(settings, name)), field.description or "")
        for name, field in type(settings).model_fields.items()
    ]


def _shown(value: object) -> str:
    return "(set)" if isinstance(value, SecretStr) and value.get_secret_value() else str(value)
