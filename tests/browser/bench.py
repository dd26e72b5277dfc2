"""Measure the chat page with long logs in one conversation: `make bench-page`, or `python -m tests.browser.bench LOGS…`."""

import argparse
import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.local.found import Local
from deploy.replay.irc import read_log
from shared.auth import sign
from tests.bench.machine import describe_host, own_versions
from tests.browser import lighthouse
from tests.browser.archive import load_archive
from tests.browser.chromium import BROWSER, LACKING, driven
from tests.browser.measure import measure_page, to_json, walk
from tests.browser.pages import write_page
from tests.browser.screenshots import running_up
from tests.system import ROOT

LOGS = ROOT.parent / "shared" / "data" / "irc"
OUT = ROOT / "docs" / "benchmarks"
READER = "reader"
WALK_PX = 300


def main() -> None:
    options = _parse()
    if not BROWSER:
        raise SystemExit(LACKING)
    logs = [read_log(path) for path in options.logs or sorted(LOGS.glob("*.txt"))]
    if not logs:
        raise SystemExit("name the IRC logs that are to be shown: make bench-page ARGS='chat/*.txt'")
    with running_up() as up, tempfile.TemporaryDirectory() as folder:
        local = up.local()
        room, messages = asyncio.run(load_archive(local, logs, READER))
        print(f"{messages:,} messages are in one conversation")
        machine = _about()
        told = {"messages": messages, "machine": machine} | asyncio.run(_measure(local, room, messages, options.walk))
        told["lighthouse"] = _judge(local, room, options.runs, Path(folder))
    machine["load_after"] = [round(load, 1) for load in os.getloadavg()]
    (OUT / "page.json").write_text(to_json(told))
    (OUT / "page.md").write_text(write_page(told))
    print(f"docs/benchmarks/page.md is written ({OUT})")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.bench", description="Measure the chat page.")
    parser.add_argument("logs", nargs="*", type=Path, help="IRC logs (those beside the checkout, if there are any)")
    parser.add_argument("--walk", type=float, default=60, help="how many seconds to scroll towards the beginning (60)")
    parser.add_argument("--runs", type=int, default=3, help="how often Lighthouse looks at each page (3)")
    return parser.parse_args()


def _about() -> dict[str, Any]:
    load = [round(one, 1) for one in os.getloadavg()]
    return describe_host() | own_versions() | {"measured_on": datetime.now(UTC).date().isoformat(), "load_before": load}


async def _measure(local: Local, room: str, head: int, walk_s: float) -> dict[str, Any]:
    async with driven() as (_, browser):
        told = await measure_page(browser, local.read_url, _token(local), room, head)
        told["walk"] = await walk(browser, local.read_url, _token(local), room, WALK_PX, walk_s)
        return told | {"browser": f"Chromium {browser.version}"}


def _judge(local: Local, room: str, runs: int, folder: Path) -> dict[str, Any]:
    if lacking := lighthouse.install():
        print(lacking)
        return {"lacking": lacking}
    pages = {"signing in": local.read_url, "the conversation": f"{local.read_url}/#token={_token(local)}&to=/c/{room}"}
    return {
        f"{page}, {form}": lighthouse.judge(url, form, runs, folder)
        for page, url in pages.items()
        for form in ("mobile", "desktop")
    }


def _token(local: Local) -> str:
    return sign(local.jwt_key, READER, 3600, time.time())


if __name__ == "__main__":
    main()
