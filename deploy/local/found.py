"""How the tools find a system that runs on this machine: by its data folder and its two ports, nothing else."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.errors import NotRunning
from deploy.local.keys import read_keys

READ_PORT, WRITE_PORT = 8000, 8001


@dataclass(frozen=True, slots=True)
class Run:
    """What the launcher writes of a running system, anew whenever a process is started."""

    read_url: str
    write_url: str
    postgres_url: str
    redis_url: str
    processes: dict[str, int]


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


def default_data() -> Path:
    """Return RINGPOST_DATA, or the folder `.ringpost` of the checkout."""
    given = os.environ.get("RINGPOST_DATA")
    return Path(given) if given else Path(__file__).parents[2] / ".ringpost"


def default_port(service: str) -> int:
    """Return RINGPOST_READ_PORT or RINGPOST_WRITE_PORT."""
    return int(os.environ.get(f"RINGPOST_{service.upper()}_PORT") or {"read": READ_PORT, "write": WRITE_PORT}[service])


def write_run(data: Path, run: Run) -> None:
    """Write *run* into *data*, readable by its owner alone, all at once."""
    draft = data / f"run.json.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(run), file, indent=1)
    draft.replace(data / "run.json")


def forget_run(data: Path) -> None:
    (data / "run.json").unlink(missing_ok=True)


def find_local(data: Path | None = None) -> Local:
    """Return the system that runs on *data* (default: RINGPOST_DATA).

    Raises:
        NotRunning: none does.
    """
    folder = data or default_data()
    try:
        run = Run(**json.loads((folder / "run.json").read_text()))
    except FileNotFoundError:
        raise NotRunning(f"No Ringpost runs on {folder}: start one with make run, or set RINGPOST_DATA.") from None
    except PermissionError:
        raise NotRunning(f"{folder} belongs to another user; its keys are for its owner alone.") from None
    keys = read_keys(folder)
    return Local(folder, **asdict(run), jwt_key=keys.jwt, admin_key=keys.admin)
