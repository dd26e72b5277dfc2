"""One stack for the tests of a file; where no Docker is, they are skipped and say so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.docker import missing
from tests.compose.stack import Stack


@pytest.fixture(scope="session", autouse=True)
def _docker() -> None:
    if (reason := missing()) is not None:
        pytest.skip(f"{reason}: these tests run the system in Docker")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up; whatever the tests did to it, nothing of it is left afterwards."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.make_secrets()
    stack.build("one")
    try:
        stack.up()
        yield stack
    finally:
        stack.close()
    assert stack.leftovers() == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
