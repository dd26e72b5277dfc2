"""The operators' page: its table of settings is what the programs have."""

import os
import subprocess
import sys

from tests.system import ROOT

PAGE = ROOT / "docs" / "operations.md"


def test_its_settings_are_those_that_ringpost_prints() -> None:
    command = [sys.executable, "-m", "deploy.cli", "settings", "--markdown"]
    environment = {"PATH": os.environ["PATH"]}
    printed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
    table = PAGE.read_text().partition("<!-- settings -->\n")[2].partition("<!-- end -->")[0]

    assert table == printed, "put what `ringpost settings --markdown` prints between the two marks of docs/operations.md"
