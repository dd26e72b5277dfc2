"""The JavaScript client's own tests and types, where node is there to run them."""

import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "clients" / "js"
TSC = CLIENT / "node_modules" / ".bin" / "tsc"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node (20 or later) is not there: the JavaScript client is not tested")
@pytest.mark.parametrize("test", sorted((CLIENT / "test").glob("*.test.js")), ids=lambda path: path.stem)
def test_the_javascript_client_passes_its_own_tests(test: Path) -> None:
    assert NODE is not None
    run = subprocess.run([NODE, "--test", str(test)], cwd=CLIENT, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


@pytest.mark.skipif(
    not TSC.exists(), reason="TypeScript is not there (npm install in clients/js): no check of types"
)
def test_the_types_in_the_javascript_clients_comments_hold() -> None:
    run = subprocess.run([str(TSC), "-p", str(CLIENT)], capture_output=True, text=True, timeout=100)

    assert run.returncode == 0, run.stdout[-4000:]
