"""The launcher: starts the whole system on this machine, keeps it running, stops it in order."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.account import choose_account
from deploy.local.command import Command, spawn
from deploy.local.errors import LocalError
from deploy.local.found import Run, forget_run, write_run
from deploy.local.keys import Keys, keep_keys
from deploy.local.port import check_port
from deploy.local.postgres import PostgresServer, prepare_postgres
from deploy.local.supervision import Supervision, stop_groups
from deploy.local.valkey import ValkeyServer, prepare_valkey

READY_S, POLL_S = 30.0, 0.05
STOP_BY_NAME_S = {"router": 2.0, "read": 4.0, "write": 4.0, "both": 4.0, "redis": 2.0, "postgres": 8.0}


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

    def gateways(self) -> list[tuple[str, str]]:
        """Return (name, role) of each gateway."""
        if self.is_both:
            return [(f"both-{n}", "both") for n in range(1, self.read + 1)]
        return [
            (f"{role}-{n}", role) for role, many in (("write", self.write), ("read", self.read)) for n in range(1, many + 1)
        ]


class Launcher:
    """One running system."""

    def __init__(self, shape: Shape, say: Callable[[str], None]) -> None:
        self._shape, self._say = shape, say
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Command] = {}
        self._supervision = Supervision()
        self._stop_asked = False
        self._logs = shape.data / "logs"
        self._keys: Keys | None = None

    @property
    def keys(self) -> Keys:
        assert self._keys is not None, "run() comes first"
        return self._keys

    @property
    def read_url(self) -> str:
        return f"http://127.0.0.1:{self._shape.read_port}"

    @property
    def write_url(self) -> str:
        return f"http://127.0.0.1:{self._shape.write_port}"

    def ask_to_stop(self) -> None:
        self._stop_asked = True

    def run(self, on_ready: Callable[["Launcher"], None]) -> None:
        """Start, tell *on_ready*, keep running until `ask_to_stop`; then stop in order and return.

        Raises:
            LocalError: nothing of it is left running.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        with _sole_owner(self._shape.data):
            _check_ports(self._shape.read_port, self._shape.write_port)
            self._keys = keep_keys(self._shape.data)
            try:
                self._start_all()
                if self._is_ready():
                    on_ready(self)
                    self._watch()
            finally:
                self._stop_all()
                forget_run(self._shape.data)

    # Starting.

    def _start_all(self) -> None:
        shape = self._shape
        redis_url, postgres_url = shape.redis_url, shape.postgres_url
        account = choose_account()
        if account is not None and None in (redis_url, postgres_url):
            self._say(f"Postgres and Valkey run as the user {account.name}: Postgres refuses to run as root.")
        valkey = prepare_valkey(self.keys.redis, account) if redis_url is None else None
        if valkey is not None:
            self._start_child("redis", valkey.command)
        if postgres_url is None:
            postgres = prepare_postgres(shape.data, self.keys.postgres, account)
            if not postgres.cluster.is_relative_to(shape.data):
                self._say(f"That user can't enter {shape.data}, so Postgres' data is in {postgres.cluster}.")
            self._start_child("postgres", postgres.command)
            self._await("postgres", postgres)
            postgres_url = postgres.url
        if valkey is not None:
            self._await("redis", valkey)
            redis_url = valkey.url
        assert redis_url is not None
        self._urls = (postgres_url, redis_url)
        self._start_ours()

    def _start_ours(self) -> None:
        environment = self._environment()
        log = self._logs / "migrate.log"
        with log.open("ab") as output:
            migrating = spawn(self._python("migrate", "shared.storage.migrate", environment), output)
        for n in range(1, self._shape.routers + 1):
            name = f"router-{n}"
            self._start_child(name, self._python(name, "router", environment | {"RINGPOST_NAME": name}))
        if migrating.wait() != 0:
            raise LocalError(f"The database could not be migrated: {_last_line(log)}")
        for name, role in self._shape.gateways():
            own = {"RINGPOST_NAME": name, "RINGPOST_ROLE": role, "RINGPOST_PORT": "0"}
            self._start_child(name, self._python(name, "services", environment | own))

    def _environment(self) -> dict[str, str]:
        shape, keys = self._shape, self.keys
        given = {key: value for key, value in os.environ.items() if not key.endswith(("_URL_FILE", "_KEY_FILE"))}
        return given | {
            "RINGPOST_POSTGRES_URL": self._urls[0],
            "RINGPOST_REDIS_URL": self._urls[1],
            "RINGPOST_JWT_KEY": keys.jwt,
            "RINGPOST_ADMIN_KEY": keys.admin,
            "RINGPOST_PROXY_SECRET": keys.proxy,
            "RINGPOST_DEV_TOKENS": "true",
            "RINGPOST_READ_PORT": str(shape.read_port),
            "RINGPOST_WRITE_PORT": str(shape.write_port),
            "RINGPOST_PUBLIC_READ_URL": f"http://localhost:{shape.read_port}",
            "RINGPOST_PUBLIC_WRITE_URL": f"http://localhost:{shape.write_port}",
            "RINGPOST_LOG_FORMAT": "json" if shape.log_format == "auto" else shape.log_format,
            "RINGPOST_DRAIN_SETTLE_S": "0.3",
            "RINGPOST_DRAIN_SPREAD_S": "0.5",
        }

    @staticmethod
    def _python(name: str, module: str, environment: Mapping[str, str]) -> Command:
        return Command(name, (sys.executable, "-m", module), environment)

    def _start_child(self, name: str, command: Command) -> None:
        self._commands[name] = command
        with (self._logs / f"{name}.log").open("ab") as output:
            self._children[name] = spawn(command, output)
        self._supervision.started(name, time.monotonic())

    def _await(self, name: str, server: PostgresServer | ValkeyServer) -> None:
        child = self._children[name]
        deadline = time.monotonic() + READY_S
        while not server.is_ready(child.pid):
            if child.poll() is not None or time.monotonic() > deadline:
                raise LocalError(f"{name} did not start: {_last_line(self._logs / f'{name}.log')}")
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        """Return True once a gateway of each role answers through the router; False if told to stop meanwhile."""
        deadline = time.monotonic() + READY_S
        while not self._stop_asked:
            if all(_answers(f"{url}/ready") for url in (self.read_url, self.write_url)):
                self._write_run()
                return True
            self._restart_dead()
            if time.monotonic() > deadline:
                raise LocalError(f"Not ready after {READY_S:.0f} s; see {self._logs}.")
            time.sleep(POLL_S)
        return False

    # Running.

    def _watch(self) -> None:
        while not self._stop_asked:
            time.sleep(POLL_S)
            if self._restart_dead():
                self._write_run()

    def _restart_dead(self) -> bool:
        """Start again whoever's pause is over; return whether anybody was."""
        now = time.monotonic()
        for name, child in list(self._children.items()):
            if child.poll() is not None:
                pause = self._supervision.died(name, now)
                del self._children[name]
                self._say(f"{name} ended ({_reason(child.returncode)}); it starts again in {pause:.1f} s.")
        due = self._supervision.due(now)
        for name in due:
            self._start_child(name, self._commands[name])
            self._say(f"{name} started again (process {self._children[name].pid}).")
        return bool(due)

    def _write_run(self) -> None:
        processes = {name: child.pid for name, child in self._children.items()}
        write_run(self._shape.data, Run(self.read_url, self.write_url, *self._urls, processes))

    # Stopping.

    def _stop_all(self) -> None:
        for group in stop_groups(self._children):
            for name in group:
                self._children[name].send_signal(self._commands[name].stop_signal)
            deadline = time.monotonic() + max(STOP_BY_NAME_S[name.partition("-")[0]] for name in group)
            for name in group:
                self._end(name, deadline)

    def _end(self, name: str, deadline: float) -> None:
        child = self._children[name]
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._say(f"{name} does not end; it is killed.")
            child.kill()
            child.wait()


@contextlib.contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"A Ringpost runs on {data} already; stop it, or name another folder with --data.") from None
        yield


def _check_ports(*ports: int) -> None:
    """Raise LocalError if somebody else listens there; routers of a launcher that was killed get time to go."""
    deadline = time.monotonic() + 3.0
    for port in ports:
        while True:
            try:
                check_port("127.0.0.1", port, "stop it, or choose others with --read-port and --write-port")
                break
            except LocalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as response:  # noqa: S310  # our own address
            return bool(response.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:300] if lines else f"see {log}"


def _reason(returncode: int) -> str:
    return f"signal {signal.Signals(-returncode).name}" if returncode < 0 else f"status {returncode}"
