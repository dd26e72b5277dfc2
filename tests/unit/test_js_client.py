"""The JavaScript client's own tests and types, where node is there to run them."""

import subprocess
from pathlib import Path

import pytest

from tests.javascript import CLIENT, NODE, TSC, needs_node, needs_typescript


@needs_node
@pytest.mark.parametrize("test", sorted((CLIENT / "test").glob("*.test.js")), ids=lambda path: path.stem)
def test_the_javascript_client_passes_its_own_tests(test: Path) -> None:
    run = subprocess.run([NODE, "--test", str(test)], cwd=CLIENT, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


@needs_node
@needs_typescript
def test_the_types_in_the_javascript_clients_comments_hold() -> None:
    run = subprocess.run([str(TSC), "-p", str(CLIENT)], capture_output=True, text=True, timeout=100)

    assert run.returncode == 0, run.stdout[-4000:]
