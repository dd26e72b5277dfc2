"""Which Postgres and Redis the running system stands on: as the settings say, else those of the system on this machine."""

import os
from dataclasses import dataclass, field

from pydantic import Field, SecretStr

from deploy.local.errors import LocalError
from deploy.local.found import Local, find_local
from shared.settings import PREFIX, Settings, SettingsError, load

TIMEOUT_S = 5.0


class _ServerSettings(Settings):
    postgres_url: SecretStr | None = Field(None)
    postgres_password: SecretStr | None = Field(None)
    jwt_key: SecretStr | None = Field(None)
    admin_key: SecretStr | None = Field(None)


@dataclass(frozen=True, slots=True)
class Servers:
    """Their URLs, the prefix in Redis and the keys; None: not known here."""

    postgres_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    prefix: str
    jwt_key: str | None = field(repr=False)
    admin_key: str | None = field(repr=False)


def find_servers() -> Servers:
    """Return what is known here.

    Raises:
        LocalError: a setting is bad, or there are neither settings nor a local system.
    """
    try:
        settings = load(_ServerSettings)
    except SettingsError as error:
        raise LocalError(f"bad setting: {error}") from None
    if _is_set("postgres_url") or _is_set("redis_url"):
        redis_url = settings.redis_url.get_secret_value() if _is_set("redis_url") else None
        keys = _plain(settings.jwt_key), _plain(settings.admin_key)
        return Servers(_plain(settings.postgres_url), redis_url, settings.prefix, *keys)
    return _of_local(find_local(), settings.prefix)


def _of_local(local: Local, prefix: str) -> Servers:
    return Servers(local.postgres_url, local.redis_url, prefix, local.jwt_key, local.admin_key)


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _is_set(name: str) -> bool:
    variable = f"{PREFIX}{name.upper()}"
    return bool(os.environ.get(variable) or os.environ.get(f"{variable}_FILE"))
