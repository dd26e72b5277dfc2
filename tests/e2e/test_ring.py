"""The ring of a running system, as its operators see it: the commands, and the page."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.ring.asking import ask
from tests.conftest import StartUp
from tests.system import READY, ROOT, Up


def ring(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "ring", *arguments]
    environment = {"PATH": os.environ["PATH"], "RINGPOST_DATA": str(up.data)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=30)


def shown(up: Up) -> dict[str, Any]:
    """Return the read pool as `ring show` has it."""
    pools = json.loads(ring(up, "show", "--json").stdout)["routers"][0]["pools"]
    return next(pool for pool in pools if pool["name"] == "read")


def test_the_ring_is_shown_and_a_killed_gateway_goes_and_comes_back(system: Up) -> None:
    before = shown(system)
    printed = ring(system, "show").stdout
    os.kill(system.local().processes["read-1"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len((after := shown(system))["changes"]) < len(before["changes"]) + 2:
        assert time.monotonic() < deadline, after
        time.sleep(0.1)

    assert [gateway["state"] for gateway in before["gateways"]] == ["active", "active"]
    assert "read-1" in printed
    assert "of the buckets moved" in printed
    assert [(change["joined"], change["left"]) for change in after["changes"][:2]] == [(["read-1"], []), ([], ["read-1"])]
    assert after["signature"] == before["signature"]


def test_an_address_is_where_the_command_says(system: Up) -> None:
    found = json.loads(ring(system, "where", "127.0.0.9", "127.0.0.10", "--json").stdout)["addresses"]
    said = {where["address"]: where["order"][0] for where in found if where["pool"] == "read"}

    for address, name in said.items():
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
            client.get(f"{system.read_url}/live").raise_for_status()
            time.sleep(1.2)
            loads = {gateway["name"]: gateway["own"] for gateway in shown(system)["gateways"]}
        assert loads[name] > 0


def test_the_page_needs_nothing_but_its_own_files(system: Up) -> None:
    (url,) = system.local().admin_urls.values()
    page = httpx.get(url)
    policy = page.headers["content-security-policy"]

    assert url in system.said()
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?://", page.text)
    for path, kind in re.findall(r'(?:src|href)="(page\.(js|css))"', page.text):
        file = httpx.get(f"{url}/{path}")
        assert file.status_code == 200
        assert {"js": "text/javascript", "css": "text/css"}[kind] in file.headers["content-type"]
        assert file.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"innerHTML|https?://(?!www\.w3\.org/2000/svg)", file.text)


@pytest.mark.slow
@pytest.mark.slow
def test_relay_workers_that_the_environment_asks_for_are_added_up(start_up: StartUp, data: Path) -> None:
    up = start_up(data, env={"RINGPOST_RELAY_WORKERS": "3"})
    up.wait_until(READY)
    (url,) = up.local().admin_urls.values()
    wait_until(lambda: all(worker.pid for worker in ask(url).workers))
    with ExitStack() as stack:
        for n in range(30):
            stack.enter_context(socket.create_connection(("127.0.0.1", up.read_port), 5, (f"127.0.7.{n + 1}", 0)))
        wait_until(lambda: sum(gateway.own for gateway in ask(url).pools[0].gateways) == 30)
        told = ask(url)
        assert len(told.workers) == 2
        assert 0 < sum(worker.connections["read"] for worker in told.workers) < 30
        assert 'ringpost_router_connections{pool="read"} 30.0' in httpx.get(f"{url}/metrics").text


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
