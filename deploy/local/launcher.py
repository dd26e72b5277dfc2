"""The launcher: starts the whole system on this machine, keeps it running, stops it in order."""

import contextlib
import fcntl
import math
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deploy.local.account import Account, choose_account
from deploy.local.command import Command, spawn
from deploy.local.errors import LocalError
from deploy.local.found import Run, forget_run, write_run
from deploy.local.keys import Keys, keep_keys
from deploy.local.ledger import Ledger
from deploy.local.plan import HOST, Plan, Shape, ignored_keys
from deploy.local.port import check_port
from deploy.local.postgres import PostgresServer, clear_pid_file, prepare_postgres
from deploy.local.process import mark
from deploy.local.supervision import Supervision, stop_groups
from deploy.local.valkey import ValkeyServer, prepare_valkey

# Postgres may have much to recover after a crash.
READY_S, SERVER_READY_S, POLL_S = 30.0, 300.0, 0.05


class StopAsked(Exception):
    """We were told to stop while starting."""


class Launcher:
    """One running system. *say* tells the user a line."""

    def __init__(self, shape: Shape, say: Callable[[str], None]) -> None:
        self._shape, self._say = shape, say
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Command] = {}
        self._before: dict[str, Callable[[], None]] = {}
        self._supervision = Supervision()
        self._ledger = Ledger(shape.data)
        self._stop_asked = False
        self._logs = shape.data / "logs"
        self.admin_urls: dict[str, str] = {}

    def ask_to_stop(self) -> None:
        self._stop_asked = True

    def run(self, on_ready: Callable[[Keys], None]) -> None:
        """Start, tell *on_ready*, keep running until `ask_to_stop`; then stop in order and return.

        Raises:
            LocalError: nothing of it is left running.
        """
        with _sole_owner(self._shape.data):
            self._ledger.stop_survivors(self._say)
            keys = self._check()
            try:
                urls = self._start(keys)
                self._wait_until_ready()
                self._publish(urls)
                on_ready(keys)
                self._watch(urls)
            except StopAsked:
                pass
            finally:
                forget_run(self._shape.data)
                self._stop()
                self._ledger.clear()

    def _check(self) -> Keys:
        """Find what would keep it from running, before anything of it runs."""
        for port in (self._shape.read_port, self._shape.write_port):
            check_port(HOST, port, "stop that, or choose others with --read-port and --write-port")
        keys = keep_keys(self._shape.data)
        Plan(self._shape, keys, "postgresql://unknown", "redis://unknown").check()
        if ignored := ignored_keys(os.environ):
            self._say(f"{', '.join(ignored)}: not used here; the keys are in {self._shape.data / 'keys'}.")
        return keys

    # Starting.

    def _start(self, keys: Keys) -> tuple[str, str]:
        """Start everything; return the URLs of Postgres and Redis."""
        self._logs.mkdir(parents=True, exist_ok=True)
        postgres_url, redis_url = self._start_servers(keys)
        plan = Plan(self._shape, keys, postgres_url, redis_url)
        self.admin_urls = plan.admin_urls()
        for command in plan.routers():
            self._start_child(command)
        self._migrate(plan.migration())
        for command in plan.gateways():
            self._start_child(command)
        return postgres_url, redis_url

    def _start_servers(self, keys: Keys) -> tuple[str, str]:
        postgres_url, redis_url = self._shape.postgres_url, self._shape.redis_url
        account = choose_account() if None in (postgres_url, redis_url) else None
        if account is not None:
            self._say(f"Embedded servers run as the user {account.name}, since this is root and Postgres refuses to be.")
        valkey = self._prepare_valkey(keys, account) if redis_url is None else None
        if postgres_url is None:
            postgres = self._prepare_postgres(keys, account)
            self._await_server("postgres", postgres)
            postgres_url = postgres.url
        if valkey is not None:
            self._await_server("redis", valkey)
            redis_url = valkey.url
        assert redis_url is not None, "given, or of the Valkey just started"
        return postgres_url, redis_url

    def _prepare_valkey(self, keys: Keys, account: Account | None) -> ValkeyServer:
        server = prepare_valkey(keys.redis, account)
        self._start_child(server.command)
        return server

    def _prepare_postgres(self, keys: Keys, account: Account | None) -> PostgresServer:
        server = prepare_postgres(self._shape.data, keys.postgres, account)
        if not server.cluster.is_relative_to(self._shape.data.resolve()):
            self._say(f"That user can't enter {self._shape.data}: Postgres' data are in {server.cluster}.")
        self._before["postgres"] = lambda: clear_pid_file(server.cluster)
        self._start_child(server.command)
        return server

    def _migrate(self, command: Command) -> None:
        with self._log("migrate").open("ab") as output:
            process = spawn(command, output)
        try:
            self._wait(lambda: process.poll() is not None, math.inf, "")
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise LocalError(f"The database could not be migrated: {_last_line(self._log('migrate'))}")

    def _start_child(self, command: Command) -> None:
        name = command.name
        self._commands[name] = command
        self._before.get(name, lambda: None)()
        with self._log(name).open("ab") as output:
            self._children[name] = spawn(command, output)
        self._supervision.started(name, time.monotonic())
        self._ledger.write({name: child.pid for name, child in self._children.items()})

    def _await_server(self, name: str, server: PostgresServer | ValkeyServer) -> None:
        child = self._children[name]
        self._wait(lambda: child.poll() is not None or server.is_ready(child.pid), SERVER_READY_S, f"{name} does not answer")
        if child.returncode is not None:
            raise LocalError(f"{name} did not start: {_last_line(self._log(name))}")

    def _wait_until_ready(self) -> None:
        """Return once a gateway of each role answers through the router."""

        def is_ready() -> bool:
            self._restart_dead()
            return all(_answers(f"{url}/ready") for url in (self._shape.read_url, self._shape.write_url))

        self._wait(is_ready, READY_S, f"Not ready after {READY_S:.0f} s; see {self._logs}")

    def _wait(self, is_over: Callable[[], bool], deadline_s: float, fault: str) -> None:
        deadline = time.monotonic() + deadline_s
        while not is_over():
            if self._stop_asked:
                raise StopAsked
            if time.monotonic() > deadline:
                raise LocalError(f"{fault}.")
            time.sleep(POLL_S)

    # Running.

    def _watch(self, urls: tuple[str, str]) -> None:
        while not self._stop_asked:
            time.sleep(POLL_S)
            if self._restart_dead():
                self._publish(urls)

    def _restart_dead(self) -> bool:
        """Start again whoever's pause is over; return whether anybody was."""
        now = time.monotonic()
        for name, child in list(self._children.items()):
            if child.poll() is not None:
                pause = self._supervision.died(name, now)
                del self._children[name]
                self._say(f"{name} ended ({self._reason(name, child.returncode)}); it starts again in {pause:.1f} s.")
        due = self._supervision.due(now)
        for name in due:
            self._start_child(self._commands[name])
            self._say(f"{name} started again (process {self._children[name].pid}).")
        return bool(due)

    def _publish(self, urls: tuple[str, str]) -> None:
        """Let the tools find us."""
        shape, me = self._shape, os.getpid()
        processes = {name: child.pid for name, child in self._children.items()}
        write_run(shape.data, Run(shape.read_url, shape.write_url, *urls, processes, me, mark(me), self.admin_urls))

    def _reason(self, name: str, returncode: int) -> str:
        if returncode < 0:
            return f"signal {signal.Signals(-returncode).name}"
        return f"status {returncode}: {_last_line(self._log(name))}"

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    # Stopping.

    def _stop(self) -> None:
        started = time.monotonic()
        for group, by_s in stop_groups(self._children):
            self._stop_group(group, started + by_s)

    def _stop_group(self, group: Sequence[str], deadline: float) -> None:
        for name in group:
            self._children[name].send_signal(self._commands[name].stop_signal)
            self._children[name].send_signal(signal.SIGCONT)  # one that is stopped would hear nothing
        for name in group:
            child = self._children[name]
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{name} does not end; it is killed.")
                child.kill()
                child.wait()


@contextlib.contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")  # not inherited by children (PEP 446), so that it ends with the launcher
    except OSError as error:
        raise LocalError(f"{data} can't be written to ({error.strerror}): name another folder with --data.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"A Ringpost runs on {data} already: stop it, or name another folder with --data.") from None
        yield


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as response:  # noqa: S310  # our own address
            return bool(response.status == 200)
    except OSError:
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return ascii(lines[-1][:300])[1:-1] if lines else f"see {log}"
