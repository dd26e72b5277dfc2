"""Every panel of the dashboards shows something of a system under load, and no alert fires for it."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.ring.asking import ask
from tests.chat import make_logs, speed_for
from tests.conftest import StartUp
from tests.system import READY, ROOT, Up
from tests.unit.test_alerts import queries
from tests.watching import need, watching

LOAD_S = 25


def places(system: Up) -> dict[str, list[str]]:
    """Return where the processes tell their figures, by job."""
    admin_urls = list(system.local().admin_urls.values())
    pools = {pool.name: [gateway.address for gateway in pool.gateways] for pool in ask(admin_urls[0]).pools}
    return pools | {"router": [url.removeprefix("http://") for url in admin_urls]}


@pytest.mark.slow
def test_every_panel_has_data_and_nobody_is_woken(start_up: StartUp, data: Path, tmp_path: Path) -> None:
    need("prometheus")
    system = start_up(data, "--read", "2", "--routers", "2")
    system.wait_until(READY)
    logs = make_logs(tmp_path, 2, 300)
    with watching(tmp_path, places(system)) as prometheus:
        time.sleep(3)
        replay = [sys.executable, "-m", "deploy.cli", "replay", *map(str, logs), "--speed", speed_for(logs, LOAD_S)]
        environment = {"PATH": os.environ["PATH"], "RINGPOST_DATA": str(data)}
        subprocess.run(replay, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=100)
        time.sleep(2)
        told = {query: prometheus.ask(query) for query in queries()}
        woken = prometheus.ask('ALERTS{alertstate="firing"}')

    assert [query for query, values in told.items() if not values or all(map(math.isnan, values))] == []
    assert prometheus_sees(told)
    assert woken == []


def prometheus_sees(told: dict[str, list[float]]) -> bool:
    """Say whether the sends and deliveries of the replay are among what the panels show."""
    sends = told["sum by (status) (rate(ringpost_write_outcomes_total[1m]))"]
    deliveries = told["sum by (instance) (rate(ringpost_read_deliveries_total[1m]))"]
    return sum(sends) > 1 and sum(deliveries) > 1
