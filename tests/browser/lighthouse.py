"""What Lighthouse says of the page, where npm can install it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

from tests.browser.chromium import BROWSER

PACKAGE = "lighthouse@12"  # the last that runs on Node 20
FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringpost-bench" / "lighthouse"
PROGRAM = FOLDER / "node_modules" / ".bin" / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices")
AUDITS = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift", "speed-index")
WAIT_S = 180


def install() -> str:
    """Install it; return what is missing, in one line, nothing if it is there."""
    if PROGRAM.exists():
        return ""
    if not shutil.which("npm"):
        return "npm is not there: Lighthouse says nothing"
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--silent", PACKAGE]
    subprocess.run(command, cwd=FOLDER, check=False, timeout=600)
    return "" if PROGRAM.exists() else "npm could not install Lighthouse"


def judge(url: str, form: str, runs: int, folder: Path) -> dict[str, Any]:
    """Return the median of the scores of so many runs, as a `mobile` or a `desktop`."""
    reports = [_report(url, form, folder / "report.json") for _ in range(runs)]
    scores = {name: round(100 * median(report["categories"][name]["score"] for report in reports)) for name in CATEGORIES}
    times = {name: round(median(report["audits"][name]["numericValue"] for report in reports), 2) for name in AUDITS}
    failed = {
        name
        for report in reports
        for category in ("accessibility", "best-practices")
        for name in (one["id"] for one in report["categories"][category]["auditRefs"])
        if report["audits"][name]["score"] == 0
    }
    return {"scores": scores, "audits": times, "failed": sorted(failed), "version": reports[0]["lighthouseVersion"]}


def _report(url: str, form: str, path: Path) -> dict[str, Any]:
    command = [
        str(PROGRAM),
        url,
        "--quiet",
        f"--only-categories={','.join(CATEGORIES)}",
        "--output=json",
        f"--output-path={path}",
    ]
    command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"]
    command += ["--preset=desktop"] if form == "desktop" else []
    environment = os.environ | {"CHROME_PATH": BROWSER}
    subprocess.run(command, env=environment, check=True, timeout=WAIT_S, capture_output=True)
    report: dict[str, Any] = json.loads(path.read_text())
    return report
