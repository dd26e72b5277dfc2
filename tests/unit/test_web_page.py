"""The chat page's cores and types, where node is there to run them."""

import subprocess
from pathlib import Path

import pytest

from tests.javascript import CLIENT, NODE, TSC, needs_node, needs_typescript

PAGE = CLIENT.parent / "web"


@needs_node
@pytest.mark.parametrize("test", sorted((PAGE / "test").glob("*.test.js")), ids=lambda path: path.stem)
def test_the_page_passes_its_own_tests(test: Path) -> None:
    run = subprocess.run([NODE, "--test", str(test)], cwd=PAGE, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


@needs_node
@needs_typescript
def test_the_types_in_the_pages_comments_hold() -> None:
    run = subprocess.run([str(TSC), "-p", str(PAGE)], capture_output=True, text=True, timeout=100)

    assert run.returncode == 0, run.stdout[-4000:]
