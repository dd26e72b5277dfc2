"""Settings: from the environment, checked before a port opens.

Every setting is `RINGPOST_` and its name in capitals. A secret may also come from a file: `RINGPOST_JWT_KEY_FILE` names
one, its content without the last line end is the value. A program derives its settings class from `Settings` and reads it
with `load`.
"""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "RINGPOST_"


class LogFormat(StrEnum):
    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class _FileSource(EnvSettingsSource):
    """Read `RINGPOST_NAME_FILE` where `RINGPOST_NAME` is not set."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text().rstrip("\r\n"), field_name, False
        except OSError as error:
            raise SettingsError(f"{PREFIX}{field_name.upper()}_FILE={path}: {error.strerror}") from error


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and how to mend it."""


class Settings(BaseSettings):
    """What every process of Ringpost has."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    redis_url: SecretStr = Field(SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey, as a URL.")
    prefix: str = Field("ringpost", pattern="^[a-z0-9_-]{1,64}$", description="In front of every key and channel in Redis.")
    log_format: LogFormat = Field(LogFormat.AUTO, description="text, json, or auto: text on a terminal, else json.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error.")
    redis_timeout_s: float = Field(2.0, gt=0, le=60, description="Longest wait for one answer of Redis, in seconds.")

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
    except ValidationError as error:
        faults = (f"{PREFIX}{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError("; ".join(faults)) from None


def load_or_exit(kind: type[AnySettings], **given: Any) -> AnySettings:
    """Like `load`, but end the process with status 2 and one line."""
    try:
        return load(kind, **given)
    except SettingsError as error:
        _exit(str(error))


def _exit(message: str) -> NoReturn:
    print(f"ringpost: bad setting: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """Return (variable, value, meaning) of every setting, secrets masked."""
    return [
        (f"{PREFIX}{name.upper()}", _shown(getattr(settings, name)), field.description or "")
        for name, field in type(settings).model_fields.items()
    ]


def _shown(value: object) -> str:
    return "(set)" if isinstance(value, SecretStr) and value.get_secret_value() else str(value)
