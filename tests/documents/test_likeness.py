"""What reads and compares the documents must find what is wrong in them."""

import pytest

from tests.documents.commands import Command, Unreadable, read_commands, read_mentions
from tests.documents.likeness import difference


def commands(text: str) -> list[Command]:
    return list(read_commands("a.md", text))


def test_a_console_holds_commands_and_what_they_print() -> None:
    (first, second) = commands("Say:\n\n```console system\n$ one \\\n    two\nsaid\n\nmore\n$ three\n```\n")

    assert (first.line, first.text, list(first.shown)) == (4, "one two", ["said", "", "more"])
    assert (second.text, list(second.shown), list(second.marks)) == ("three", [], ["system"])


def test_a_block_in_a_list_is_read_without_its_indentation() -> None:
    (only,) = commands("- So:\n  ```console\n  $ one\n    two\n  ```\n")

    assert list(only.shown) == ["  two"]


@pytest.mark.parametrize(
    "block", ["```\nmake run\n```", "```sh\n$ docker ps\n```", "```console quickly\n$ a\n```", "```console\na\n```"]
)
def test_a_command_that_nothing_would_run_is_found(block: str) -> None:
    with pytest.raises(Unreadable):
        commands(block)


def test_a_command_in_a_sentence_is_found_and_one_in_a_block_is_not() -> None:
    (only,) = read_mentions("a.md", "Try `ringpost up --write 2`, not `make`.\n```\n`make test`\n```\n")

    assert only.text == "ringpost up --write 2"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["12,148 sent, p50 8.05 ms"], ["7 sent, p50 11 ms"]),
        (["at 2026-11-24 20:42:36"], ["at 2027-01-01T00:00:00Z"]),
        (["retried 3"], ["retried 0"]),
        (["a", "…", "z"], ["a", "b", "c", "z"]),
        (["a", "…"], ["a"]),
        (["a … z"], ["a b z"]),
        (["┃ what ┃ share ┃", "│ a │ 1 │"], ["┏━━━━━━┓", "┃ what     ┃ share   ┃", "│ a        │ 2       │"]),
    ],
)
def test_what_varies_may_vary(shown: list[str], printed: list[str]) -> None:
    assert difference(shown, printed) is None


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["lost 0"], ["found 0"]),
        (["lost 0   late 2"], ["lost 1   late 2"]),
        (["a", "b"], ["b", "a"]),
        (["a"], ["a", "b"]),
        (["a", "b"], ["a"]),
        (["a", "…", "z"], ["a", "b"]),
        (["a … z"], ["a b"]),
    ],
)
def test_what_does_not_vary_may_not(shown: list[str], printed: list[str]) -> None:
    assert difference(shown, printed) is not None
