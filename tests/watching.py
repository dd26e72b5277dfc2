"""A real Prometheus beside a system of the tests, where this machine has the program."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.port import free_port
from tests.system import ROOT

FOLDER = ROOT / "deploy" / "observability"
START_S = 30.0


def need(program: str) -> str:
    """Return where *program* is; without it the test is skipped."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not on the PATH (Debian's packages prometheus and promtool have it)")
    return found


class Prometheus:
    """One that scrapes once a second."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[float]:
        """Return the values of all series that *query* finds."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=10)
        told: dict[str, Any] = answer.json()
        assert told["status"] == "success", f"{query}: {told}"
        return [float(series["value"][1]) for series in told["data"]["result"]]


@contextmanager
def watching(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """Run a Prometheus with the rules of the repository over *targets* (HOST:PORT by job) and its data in *folder*."""
    config = folder / "prometheus.json"  # JSON is YAML
    jobs = [{"job_name": job, "static_configs": [{"targets": list(places)}]} for job, places in targets.items()]
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config.write_text(json.dumps({"global": every, "rule_files": [str(FOLDER / "rules" / "*.yml")], "scrape_configs": jobs}))
    port = free_port()
    command = [need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"]
    process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"])
    try:
        _await(f"http://127.0.0.1:{port}/-/ready", process)
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "prometheus ended"
        try:
            if httpx.get(url, timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("prometheus did not start")
