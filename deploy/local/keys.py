"""The secrets of a local system: made once, kept in the data folder, for its owner's eyes alone."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    jwt: str
    admin: str
    proxy: str
    postgres: str
    redis: str


_MAKERS: dict[str, Callable[[], str]] = {"admin": lambda: "rpa_" + secrets.token_hex(24)}


def keep_keys(data: Path) -> Keys:
    """Return the keys in *data*, of which those that are missing are made."""
    folder = data / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Keys(**{field.name: _keep(folder / field.name) for field in fields(Keys)})


def read_keys(data: Path) -> Keys:
    """Return the keys in *data*; raise OSError where one can't be read."""
    return Keys(**{field.name: (data / "keys" / field.name).read_text().strip() for field in fields(Keys)})


def _keep(path: Path) -> str:
    if not path.exists():
        write_private(path, _MAKERS.get(path.name, lambda: secrets.token_urlsafe(36))() + "\n")
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Put *text* into *path*, whole or not at all, for its owner alone."""
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
