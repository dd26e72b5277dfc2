"""The commands that a document shows. A pure core.

A block that is fenced as `console` has lines that begin with `$ `, which are commands, and between them what these print.
Words after `console` say what a command needs:

    system    a running system
    service   it runs until Ctrl-C
    slow      it takes longer than 30 seconds
    docker, root    just that
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FENCE, PROMPT = "```", "$ "
MARKS = {"system", "service", "slow", "docker", "root"}
PROGRAMS = (
    "make",
    "ringpost",
    "docker",
    "curl",
    "pip",
    "python",
    "python3",
    "npm",
    "node",
    "git",
    "export",
    "sudo",
    "promtool",
)
_INLINE = re.compile(r"`((?:make|ringpost|\.venv/bin/ringpost) [^`\n]+)`")


class Unreadable(Exception):
    """A document shows a command in a way that nothing can run; the text says where."""


@dataclass(frozen=True, slots=True)
class Command:
    """*text* stands at *line* of *document*, and prints what is *shown* (nothing shown: that is not compared).

    Commands of one *block* (its first line) are run one after the other in one place.
    """

    document: str
    block: int
    line: int
    text: str
    shown: Sequence[str]
    marks: frozenset[str]

    def __str__(self) -> str:
        return f"{self.document}:{self.line} {self.text[:60]}"


def read_commands(document: str, text: str) -> Iterator[Command]:
    """Yield the commands of the blocks, in order.

    Raises:
        Unreadable: a block has commands and is no `console`, or has a mark that is none.
    """
    for line, info, body in _blocks(text):
        language, *marks = info.split()[:1] + info.split()[1:] or [""]
        if language == "console":
            if unknown := set(marks) - MARKS:
                raise Unreadable(f"{document}:{line}: nothing is called {', '.join(sorted(unknown))}")
            yield from _commands(document, line, body, frozenset(marks))
        elif language in ("", "sh", "bash") and (stray := next((each for each in body if _is_command(each)), None)):
            raise Unreadable(f"{document}:{line}: “{stray.strip()}” stands in a block that is no `console`")


def read_mentions(document: str, text: str) -> Iterator[Command]:
    """Yield the commands that stand in a sentence."""
    fenced = {n for line, _, body in _blocks(text) for n in range(line, line + len(body) + 2)}
    for number, line in enumerate(text.splitlines(), 1):
        if number not in fenced:
            for found in _INLINE.finditer(line):
                yield Command(document, number, number, found[1], (), frozenset())


def _commands(document: str, line: int, body: Sequence[str], marks: frozenset[str]) -> Iterator[Command]:
    starts = [n for n, each in enumerate(body) if each.startswith(PROMPT)]
    if not starts or starts[0] != 0:
        raise Unreadable(f"{document}:{line}: a `console` begins with `$ ` and a command")
    for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
        said = [body[start].removeprefix(PROMPT)]
        rest = list(body[start + 1 : end])
        while said[-1].endswith("\\") and rest:
            said[-1] = said[-1][:-1]
            said.append(rest.pop(0).strip())
        yield Command(document, line, line + 1 + start, "".join(said), tuple(rest), marks)


def _blocks(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield (line of the fence, what stands behind it, the lines between), without the block's indentation."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if line.strip().startswith(FENCE):
            indent = len(line) - len(line.lstrip())
            body = []
            for _, each in lines:
                if each.strip() == FENCE:
                    break
                body.append(each[indent:] if each[:indent].isspace() or not indent else each)
            yield number, line.strip().removeprefix(FENCE), body


def _is_command(line: str) -> bool:
    words = line.strip().removeprefix(PROMPT).split()
    return bool(words) and words[0].rpartition("/")[2] in PROGRAMS
