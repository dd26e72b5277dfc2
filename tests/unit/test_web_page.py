"""The chat page's cores and types, where node is there to run them."""

from pathlib import Path

import pytest

from tests.javascript import CLIENT, check_types, needs_node, needs_typescript, run_tests

PAGE = CLIENT.parent / "web"


@needs_node
@pytest.mark.parametrize("test", sorted((PAGE / "test").glob("*.test.js")), ids=lambda path: path.stem)
def test_the_page_passes_its_own_tests(test: Path) -> None:
    run_tests(test, PAGE)


@needs_node
@needs_typescript
def test_the_types_in_the_pages_comments_hold() -> None:
    check_types(PAGE)
