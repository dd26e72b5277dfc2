"""The JavaScript client's own tests and types, where node is there to run them."""

from pathlib import Path

import pytest

from tests.javascript import CLIENT, check_types, needs_node, needs_typescript, run_tests


@needs_node
@pytest.mark.parametrize("test", sorted((CLIENT / "test").glob("*.test.js")), ids=lambda path: path.stem)
def test_the_javascript_client_passes_its_own_tests(test: Path) -> None:
    run_tests(test, CLIENT)


@needs_node
@needs_typescript
def test_the_types_in_the_javascript_clients_comments_hold() -> None:
    check_types(CLIENT)
