"""Every command of README.md and docs/: those in a block are run and their output compared, those in a sentence must exist.

With SLOW=1 those that take longer than half a minute are run too.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Set
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import pytest

from tests.documents.commands import Command, Unreadable, read_commands, read_mentions
from tests.documents.flags import unknown
from tests.documents.stage import Stage, lay_out, make_stage
from tests.system import READY, ROOT, Up

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("clients/*/README.md")]
NAMED = [(str(path.relative_to(ROOT)), path.read_text()) for path in sorted(DOCUMENTS) if "node_modules" not in path.parts]
MENTIONS = [command for name, text in NAMED for command in read_mentions(name, text)]


def _readable() -> Iterator[Command]:
    for name, text in NAMED:
        with suppress(Unreadable):
            yield from read_commands(name, text)


SHOWN = list(_readable())
BLOCKS = [list(block) for _, block in groupby(SHOWN, lambda command: (command.document, command.block))]


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    """A system for those commands that want one."""
    started = Up(folder / "documents", "--write", "2")
    try:
        started.wait_until(READY)
        yield started
    finally:
        started.close()


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
    marks = request.getfixturevalue("block")[0].marks
    folder = lay_out(tmp_path, is_copy="docker" in marks)
    return make_stage(folder, request.getfixturevalue("up") if "system" in marks else None)


@pytest.mark.parametrize(("name", "text"), NAMED, ids=[name for name, _ in NAMED])
def test_all_commands_of_a_document_can_be_run(name: str, text: str) -> None:
    list(read_commands(name, text))


@pytest.mark.parametrize("command", [*MENTIONS, *SHOWN], ids=str)
def test_a_command_that_is_named_is_there_with_its_flags(command: Command) -> None:
    assert unknown(command.text) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("block", BLOCKS, ids=[str(block[0]) for block in BLOCKS])
def test_the_commands_of_a_block_print_what_is_shown(block: list[Command], stage: Stage) -> None:
    _skip_where_it_cannot_run(block[0].marks)
    assert stage.run_all(block) is None


def _skip_where_it_cannot_run(marks: Set[str]) -> None:
    if "slow" in marks and os.environ.get("SLOW") != "1":
        pytest.skip("it takes longer than 30 seconds (SLOW=1 runs it)")
    if "root" in marks and os.geteuid() != 0:
        pytest.skip("it needs root")
    if "docker" in marks and not _has_docker():
        pytest.skip("it needs Docker")


def _has_docker() -> bool:
    return shutil.which("docker") is not None and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
