"""The alerts that operators are woken by: each has a page, each fires in a test, none does where all is well."""

import json
import re
import subprocess
from collections import Counter

import pytest

from tests.system import ROOT
from tests.watching import FOLDER, need

RULES = (FOLDER / "rules" / "ringpost.yml").read_text()
TESTS = (FOLDER / "rules_test.yml").read_text()
ALERTS = re.findall(r"- alert: Ringpost(\w+)", RULES)
FIGURE = re.compile(r"\bringpost_\w+")


def told_figures() -> set[str]:
    """Return the names of all figures that programs tell, as their sources write them."""
    sources = [path.read_text() for top in ("shared", "router", "services") for path in (ROOT / top).rglob("*.py")]
    return {name for source in sources for name in re.findall(r"[a-z_]*[a-z]", source)}


def queries() -> list[str]:
    """Return what all panels ask."""
    boards = [json.loads(path.read_text()) for path in sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))]
    return [target["expr"] for board in boards for panel in board["panels"] for target in panel.get("targets", ())]


def test_each_alert_has_a_heading_in_the_operators_page() -> None:
    headings = set(re.findall(r"^#+ (\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE))

    assert ALERTS
    assert set(ALERTS) - headings == set()
    assert re.findall(r"operations\.md#(\w+)", RULES) == [name.lower() for name in ALERTS]


def test_each_alert_fires_in_one_test_and_is_silent_in_the_first() -> None:
    well, *ill = TESTS.split("  - name: ")[1:]

    assert set(re.findall(r"alertname: Ringpost(\w+), exp_alerts: \[\]", well)) == set(ALERTS)
    assert Counter(re.findall(r"alertname: Ringpost(\w+)\n\s+exp_alerts:\n", "".join(ill))) == Counter(ALERTS)


@pytest.mark.slow
def test_promtool_agrees() -> None:
    promtool = need("promtool")
    for arguments in (["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_asked_for_is_told() -> None:
    asked = {name for text in (RULES, *queries()) for name in FIGURE.findall(text)}
    bare = {re.sub(r"_(bucket|sum|count)$", "", name.removeprefix("ringpost_")) for name in asked}
    parts = told_figures()
    counted = {name for name in bare if not _is_told(name, parts)}

    assert len(queries()) > 50
    assert counted == set()


def _is_told(name: str, parts: set[str]) -> bool:
    """Say whether a source names it: whole, or as a count that `read_…_total` or `router_…_total` is made of."""
    bare = re.sub(r"^(read|router)_", "", name)
    return not parts.isdisjoint((name, bare, bare.removesuffix("_total")))
