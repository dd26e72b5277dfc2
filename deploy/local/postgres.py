"""The embedded PostgreSQL: made once with initdb, run on a free port of 127.0.0.1, fsync on."""

import hashlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.account import Account
from deploy.local.binaries import SHARED, find_postgres, runnable
from deploy.local.command import Command, bare_env, die_with
from deploy.local.errors import LocalError
from deploy.local.port import free_port
from deploy.local.process import command_line, end, is_alive

USER = DATABASE = "ringpost"
CONNECTIONS = 200
_END = ((signal.SIGINT, 8.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0))
_INITDB = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", f"--username={USER}")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """How to run it, and where it is. A restart comes back to the same port and password."""

    command: Command
    url: str = field(repr=False)
    port: int
    cluster: Path

    def is_ready(self, pid: int) -> bool:
        """Say whether the server that runs as *pid* takes connections."""
        lines = _read_pid_file(self.cluster)
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def prepare_postgres(folder: Path, password: str, account: Account | None, shared: Path = SHARED) -> PostgresServer:
    """Return a Postgres that keeps its data in *folder*, not yet started; the cluster is made if there is none.

    Where *account* can't enter *folder*, the data go to *shared*. A server that was left running on them is stopped.

    Raises:
        LocalError: there is none for this platform, or the cluster can't be made.
    """
    programs = runnable(find_postgres(), account, shared).parent
    cluster = place_cluster(folder, account, shared)
    if not cluster.exists():
        _make_cluster(programs, cluster, password, account)
    clear_pid_file(cluster)
    port = free_port()
    command = Command(
        "postgres",
        (str(programs / "postgres"), "-D", str(cluster), *_options(port)),
        bare_env(),
        stop_signal=signal.SIGINT,  # the fast way to stop
        account=account,
    )
    return PostgresServer(command, f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}", port, cluster)


def place_cluster(folder: Path, account: Account | None, shared: Path = SHARED) -> Path:
    """Return where the cluster of *folder* lies: in it, or in *shared* if *account* can't enter it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    if account is None or account.can_enter(folder):
        return folder / "postgres"
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    home = shared / f"data-{digest}"
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not account.can_enter(home):
        raise LocalError(f"The user {account.name} can enter neither {folder} nor {home}: choose another folder with --data.")
    return home / "postgres"


def clear_pid_file(cluster: Path) -> None:
    """Remove a `postmaster.pid` whose process is gone or a zombie; stop one that was left running by a dead launcher."""
    lines = _read_pid_file(cluster)
    pid = int(lines[0]) if lines and lines[0].isdigit() else 0
    # Its id may belong to another program by now, even to another Postgres: only one that serves this cluster is ours.
    if is_alive(pid) and f"-D {cluster} " in command_line(pid):
        end(pid, _END)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _options(port: int) -> list[str]:
    chosen = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": CONNECTIONS,
        "fsync": "on",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
    }
    return [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]


def _make_cluster(programs: Path, cluster: Path, password: str, account: Account | None) -> None:
    """Make it beside its place and move it there whole, so that a kill in between leaves nothing half made."""
    part = cluster.with_name("postgres.part")
    password_file = cluster.with_name("postgres.password")
    shutil.rmtree(part, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    try:
        part.mkdir(mode=0o700)
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
        if account is not None:
            for path in (part, password_file):
                os.chown(path, account.uid, account.gid)
        _run(account, str(programs / "initdb"), "-D", str(part), f"--pwfile={password_file}", *_INITDB)
        create = f"CREATE DATABASE {DATABASE}\n".encode()
        _run(account, str(programs / "postgres"), "--single", "-D", str(part), "postgres", told=create)
    finally:
        password_file.unlink(missing_ok=True)
    part.rename(cluster)


def _run(account: Account | None, *argv: str, told: bytes = b"") -> None:
    done = subprocess.run(  # noqa: S603  # the words are ours
        argv,
        input=told,
        env=bare_env(),
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with(os.getpid(), signal.SIGTERM),
        check=False,
    )
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise LocalError(f"{Path(argv[0]).name} failed (status {done.returncode}): {said[-1]}")


def _read_pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []
