"""What is to run on this machine, and what each process is told by its environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.command import Command
from deploy.local.errors import LocalError
from deploy.local.keys import Keys
from deploy.local.port import free_port
from router.settings import RouterSettings
from services.settings import GatewaySettings
from shared.settings import PREFIX, SettingsError, load

HOST = "127.0.0.1"
_KEPT_KEYS = ("RINGPOST_JWT_KEY", "RINGPOST_ADMIN_KEY", "RINGPOST_PROXY_SECRET")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is to run: how many of each, where, and on which servers (None: embedded ones)."""

    data: Path
    read: int
    write: int
    routers: int
    is_both: bool
    read_port: int
    write_port: int
    postgres_url: str | None
    redis_url: str | None
    log_format: str

    @property
    def read_url(self) -> str:
        return f"http://{HOST}:{self.read_port}"

    @property
    def write_url(self) -> str:
        return f"http://{HOST}:{self.write_port}"

    def gateways(self) -> list[tuple[str, str]]:
        """Return (name, role) of each gateway."""
        if self.is_both:
            return [(f"both-{n}", "both") for n in range(1, self.read + 1)]
        return [
            (f"{role}-{n}", role) for role, many in (("write", self.write), ("read", self.read)) for n in range(1, many + 1)
        ]


class Plan:
    """The commands of our own processes. The caller's `RINGPOST_` variables hold where the launcher does not decide."""

    def __init__(self, shape: Shape, keys: Keys, postgres_url: str, redis_url: str) -> None:
        self._shape = shape
        self._admin_ports = {name: free_port() for name in _names("router", shape.routers)}
        self._decided = _decide(shape, keys) | {"RINGPOST_POSTGRES_URL": postgres_url, "RINGPOST_REDIS_URL": redis_url}

    def migration(self) -> Command:
        return self._command("migrate", "shared.storage.migrate", {})

    def routers(self) -> list[Command]:
        return [self._command(name, "router", _router(name, port)) for name, port in self._admin_ports.items()]

    def admin_urls(self) -> dict[str, str]:
        """Return where each router says how it is."""
        return {name: f"http://{HOST}:{port}" for name, port in self._admin_ports.items()}

    def gateways(self) -> list[Command]:
        return [self._command(name, "services", _gateway(name, role)) for name, role in self._shape.gateways()]

    def _command(self, name: str, module: str, own: Mapping[str, str]) -> Command:
        return Command(name, (sys.executable, "-m", module), _environment({**self._decided, **own}))

    def check(self) -> None:
        """Raise LocalError where a process would refuse what its environment tells it; the text is one line."""
        try:
            for kind, own in ((GatewaySettings, _gateway("gateway", "both")), (RouterSettings, _router("router", 0))):
                load(kind, **{variable.removeprefix(PREFIX).lower(): v for variable, v in (self._decided | own).items()})
        except SettingsError as error:
            raise LocalError(f"bad setting: {error}") from None


def ignored_keys(environment: Mapping[str, str]) -> list[str]:
    """Return the variables with keys that *environment* sets, and that a local system has no use for: it has its own."""
    return [name for kept in _KEPT_KEYS for name in (kept, f"{kept}_FILE") if environment.get(name)]


def _decide(shape: Shape, keys: Keys) -> dict[str, str]:
    """Return what all processes are told, but for the URLs of the servers."""
    defaults = {
        "RINGPOST_DEV_TOKENS": "true",
        "RINGPOST_PUBLIC_READ_URL": f"http://localhost:{shape.read_port}",
        "RINGPOST_PUBLIC_WRITE_URL": f"http://localhost:{shape.write_port}",
        "RINGPOST_DRAIN_SETTLE_S": "1",
        "RINGPOST_DRAIN_SPREAD_S": "3",
        # Their stderr is a file, which is JSON unless one says otherwise.
        "RINGPOST_LOG_FORMAT": "json",
    }
    given = {name: value for name in defaults if (value := os.environ.get(name))}
    flags = {} if shape.log_format == "auto" else {"RINGPOST_LOG_FORMAT": shape.log_format}
    return (
        defaults
        | given
        | flags
        | {
            "RINGPOST_JWT_KEY": keys.jwt,
            "RINGPOST_JWT_ALGORITHM": "HS256",
            "RINGPOST_ADMIN_KEY": keys.admin,
            "RINGPOST_PROXY_SECRET": keys.proxy,
            "RINGPOST_READ_PORT": str(shape.read_port),
            "RINGPOST_WRITE_PORT": str(shape.write_port),
            "RINGPOST_HOST": HOST,
        }
    )


def _router(name: str, admin_port: int) -> dict[str, str]:
    return {"RINGPOST_NAME": name, "RINGPOST_ADMIN_HOST": HOST, "RINGPOST_ADMIN_PORT": str(admin_port)}


def _gateway(name: str, role: str) -> dict[str, str]:
    return {"RINGPOST_NAME": name, "RINGPOST_ROLE": role, "RINGPOST_PORT": "0", "RINGPOST_ADVERTISE": HOST}


def _names(kind: str, many: int) -> list[str]:
    return [f"{kind}-{n}" for n in range(1, many + 1)]


def _environment(decided: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment with what was *decided*; of that, no file is read."""
    files = {f"{variable}_FILE" for variable in decided}
    return {name: value for name, value in os.environ.items() if name not in files} | dict(decided)
