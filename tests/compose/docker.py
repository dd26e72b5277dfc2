"""The program docker, and whether it is there."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence

ANSWER_S = 10.0


class DockerError(Exception):
    """A command failed; the text is its last words."""


def missing() -> str | None:
    """Say why nothing can be run in Docker here; None if it can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    for words, reason in (
        (("docker", "info"), "no Docker engine answers"),
        (("docker", "compose", "version"), "Compose v2 is not there"),
    ):
        try:
            ended = subprocess.run(words, capture_output=True, timeout=ANSWER_S, check=False)
        except subprocess.TimeoutExpired:
            return reason
        if ended.returncode:
            return reason
    return None


def run(words: Sequence[str], env: Mapping[str, str], timeout_s: float) -> str:
    """Run a command; return what it said.

    Raises:
        DockerError: it failed, or took longer than *timeout_s*.
    """
    try:
        ended = subprocess.run(words, env=dict(env), capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise DockerError(f"{' '.join(words)}: not over after {timeout_s:.0f} s") from error
    if ended.returncode:
        raise DockerError(f"{' '.join(words)}: status {ended.returncode}: {(ended.stderr or ended.stdout)[-2000:]}")
    return ended.stdout
