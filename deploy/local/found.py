"""How the tools find a system that runs on this machine: by its data folder and its two ports, nothing else."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from deploy.local.errors import LocalError, NotRunning
from deploy.local.keys import read_keys, write_private
from deploy.local.process import mark

PORTS = {"read": 8000, "write": 8001}


@dataclass(frozen=True, slots=True)
class Run:
    """What the launcher writes of a running system, anew whenever a process is started.

    *mark* tells the process *launcher* from a later one with its id; *admin_urls* is where each router says how it is.
    """

    read_url: str
    write_url: str
    postgres_url: str
    redis_url: str
    processes: dict[str, int]
    launcher: int
    mark: str | None
    admin_urls: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Local:
    """A running system. *processes*: pids by name: router-1, write-1, read-1, postgres, redis …"""

    data: Path
    read_url: str
    write_url: str
    postgres_url: str
    redis_url: str
    processes: dict[str, int]
    jwt_key: str
    admin_key: str
    admin_urls: dict[str, str]


def default_data() -> Path:
    """Return RINGPOST_DATA, or the folder `.ringpost` of the checkout, or (installed elsewhere) of where we are."""
    given = os.environ.get("RINGPOST_DATA")
    checkout = Path(__file__).parents[2]
    home = checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
    return Path(given) if given else home / ".ringpost"


def default_port(service: str) -> int:
    """Return the port that RINGPOST_READ_PORT or RINGPOST_WRITE_PORT names, or the usual one.

    Raises:
        LocalError: it names none.
    """
    variable = f"RINGPOST_{service.upper()}_PORT"
    given = os.environ.get(variable) or str(PORTS[service])
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 65535):
        raise LocalError(f"{variable} must be a number from 1 to 65535.")
    return int(given)


def write_run(data: Path, run: Run) -> None:
    """Write *run* into *data*, readable by its owner alone, all at once."""
    write_private(data / "run.json", json.dumps(asdict(run), indent=1))


def forget_run(data: Path) -> None:
    (data / "run.json").unlink(missing_ok=True)


def find_local(data: Path | None = None) -> Local:
    """Return the system that runs on *data* (default: RINGPOST_DATA), at the ports that the environment names, if it does.

    Raises:
        NotRunning: none does, or it belongs to another user.
    """
    folder = data or default_data()
    try:
        run = Run(**json.loads((folder / "run.json").read_text()))
        keys = read_keys(folder)
    except FileNotFoundError:
        raise NotRunning(_absent(folder)) from None
    except PermissionError:
        raise NotRunning(f"{folder} belongs to another user; its keys are for its owner alone.") from None
    if run.mark is None or mark(run.launcher) != run.mark:
        raise NotRunning(_absent(folder))
    found = Local(
        folder,
        run.read_url,
        run.write_url,
        run.postgres_url,
        run.redis_url,
        run.processes,
        jwt_key=keys.jwt,
        admin_key=keys.admin,
        admin_urls=run.admin_urls,
    )
    if os.environ.get("RINGPOST_READ_PORT"):
        found = replace(found, read_url=f"http://127.0.0.1:{default_port('read')}")
    if os.environ.get("RINGPOST_WRITE_PORT"):
        found = replace(found, write_url=f"http://127.0.0.1:{default_port('write')}")
    return found


def _absent(folder: Path) -> str:
    return f"No Ringpost runs on {folder}: start one with `make run`, or name its data folder in RINGPOST_DATA."
