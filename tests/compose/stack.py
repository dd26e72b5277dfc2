"""A stack of the tests' own: its project, its ports, its secrets; nothing of it is left in the end."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from deploy.local.port import free_port
from tests.compose.docker import DockerError, run

ROOT = Path(__file__).parents[2]
IMAGE = "ringpost:test"
COMMAND_S, BUILD_S, HEALTHY_S = 240.0, 600.0, 120.0
SERVICES = ("postgres", "redis", "write", "read", "router")


class Stack:
    """One project. *folder* takes its secrets; *overlays* are laid over compose.yaml; *settings* are as in `.env`."""

    def __init__(self, folder: Path, *overlays: str, **settings: str) -> None:
        self.project = f"ringpost-test-{token_hex(3)}"
        self.secrets, self._settings = folder / "secrets", settings
        self.ports = {name: free_port() for name in ("READ", "WRITE", "ADMIN", "TLS_READ", "TLS_WRITE")}
        self._files = [word for file in ("compose.yaml", *overlays) for word in ("--file", str(ROOT / file))]

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": os.pathsep.join(self._files[1::2]),
            "RINGPOST_IMAGE": IMAGE,
            "RINGPOST_SECRETS": str(self.secrets),
            "RINGPOST_DEV_TOKENS": "true",
            **self._settings,
            **{f"RINGPOST_{name}_PORT": str(port) for name, port in self.ports.items()},
            **{name: value for name, value in os.environ.items() if name.startswith("DOCKER_")},
        }

    @property
    def read_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['READ']}"

    @property
    def write_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['WRITE']}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['ADMIN']}"

    # Its life.

    def compose(self, *words: str, timeout_s: float = COMMAND_S) -> str:
        return run(["docker", "compose", *self._files, *words], self.env, timeout_s)

    def build(self, revision: str, *services: str) -> None:
        self.compose("build", "--quiet", "--build-arg", f"REVISION={revision}", *(services or ("migrate",)), timeout_s=BUILD_S)

    def make_secrets(self) -> None:
        run([str(ROOT / "deploy" / "make-secrets"), str(self.secrets)], self.env, COMMAND_S)

    def up(self) -> float:
        """Start all of it; return the seconds until it was healthy."""
        began = time.monotonic()
        self.compose("up", "--detach", "--wait")
        return time.monotonic() - began

    def close(self) -> None:
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")

    def leftovers(self) -> list[str]:
        """Return the containers, networks and volumes that are still there."""
        label = f"label=com.docker.compose.project={self.project}"
        kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        found = [run(["docker", *kind, "--quiet", "--filter", label], self.env, COMMAND_S) for kind in kinds]
        return [id for listed in found for id in listed.split()]

    # What runs.

    def scale(self, **many: int) -> None:
        """Run so many of each: as `make scale` does."""
        words = [f"{service.upper()}={n}" for service, n in many.items()]
        run(["make", "--silent", "-C", str(ROOT), "scale", *words], self.env, COMMAND_S)

    def roll(self, *services: str) -> None:
        """Put the newest image in the place of what runs."""
        run([str(ROOT / "deploy" / "roll"), *services], self.env, COMMAND_S)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def inspect(self, container: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(run(["docker", "inspect", container], self.env, COMMAND_S))
        return found[0]

    def kill(self, container: str) -> None:
        """End all of a container at once, as a crash would, so that Docker starts it again; else have Docker do both."""
        pid = self.inspect(container)["State"]["Pid"]
        try:
            os.kill(pid, signal.SIGKILL)
        except (PermissionError, ProcessLookupError):
            run(["docker", "kill", container], self.env, COMMAND_S)
            run(["docker", "start", container], self.env, COMMAND_S)

    def freeze(self, service: str, seconds: float) -> None:
        """Stop a service's processes where they are, for a while."""
        self.compose("pause", service)
        try:
            time.sleep(seconds)
        finally:
            self.compose("unpause", service)

    def restarts(self) -> int:
        """Return how often Docker started containers again that had ended."""
        return sum(self.inspect(id)["RestartCount"] for service in SERVICES for id in self.containers(service))

    def wait_healthy(self, services: Sequence[str] = SERVICES) -> None:
        """Return once every container of *services* is healthy, and the router serves both pools."""
        deadline = time.monotonic() + HEALTHY_S
        while not all(self._is_healthy(service) for service in services):
            if time.monotonic() > deadline:
                raise DockerError(f"not healthy after {HEALTHY_S:.0f} s:\n{self.compose('ps', '--all')}")
            time.sleep(0.5)

    def _is_healthy(self, service: str) -> bool:
        states = [self.inspect(id)["State"] for id in self.containers(service)]
        return bool(states) and all(state.get("Health", {}).get("Status") == "healthy" for state in states)

    def select(self, query: str) -> str:
        """Ask the database itself."""
        words = ("psql", "--username", "ringpost", "--no-align", "--tuples-only", "--command", query)
        return self.compose("exec", "-T", "postgres", *words).strip()

    def logs(self, *services: str) -> str:
        with contextlib.suppress(DockerError, subprocess.SubprocessError):
            return self.compose("logs", "--no-color", "--tail", "40", *services)
        return ""
