"""The operators' page: its table of settings is what the programs have."""

import os
import subprocess
import sys

from tests.system import ROOT

PAGE = ROOT / "docs" / "operations.md"


def test_its_settings_are_those_that_ringpost_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "settings"],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    rows = [f"| {' | '.join(line.replace('|', chr(92) + '|').split(chr(9)))} |" for line in printed.splitlines()]
    table = PAGE.read_text().partition("<!-- settings -->\n")[2].partition("<!-- end -->")[0].splitlines()[2:]

    assert table == rows, "docs/operations.md: put there what `ringpost settings | cat` prints, as a table"
