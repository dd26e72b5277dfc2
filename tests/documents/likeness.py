"""Whether a command printed what a document shows. A pure core.

What differs from run to run may differ: numbers, ids, times, tokens, and how wide a table is. But 0 is 0: nothing was lost.
`…` stands for anything, and alone on a line for any number of lines.
"""

import re
from collections.abc import Sequence

ANY, NUMBER, ZERO = "…", "<n>", "<zero>"
_VARIES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"eyJ[\w.-]*"), "<token>"),
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{16,64}\b"), "<digest>"),
    (re.compile(r"(?<![\w.,])0(?![\w.,])"), ZERO),
    (re.compile(r"[-+]?\d[\d,.]*"), NUMBER),
    (re.compile(r"[─━═┬┴┼╇┳┻┏┓└┘┌┐├┤╭╮╰╯┡┩┃│|]+"), "│"),
    (re.compile(r"(│\s*)+"), "│"),
    (re.compile(r"\s+"), " "),
)


def difference(shown: Sequence[str], printed: Sequence[str]) -> str | None:
    """Return what *printed* lacks of what is *shown*; None where it is alike."""
    wanted, there = _lines(shown), _lines(printed)
    if _matches(wanted, there):
        return None
    missing = next((line for line in wanted if line != ANY and not any(_fits(line, each) for each in there)), None)
    return "the lines come in another order, or there are more" if missing is None else f"nothing like “{missing}” was printed"


def _lines(text: Sequence[str]) -> list[str]:
    return [line for line in map(_normal, text) if line and line != "│"]


def _normal(line: str) -> str:
    for varies, by in _VARIES:
        line = varies.sub(by, line)
    return line.strip()


def _matches(wanted: Sequence[str], there: Sequence[str]) -> bool:
    """By turns of both lists: how many lines of *there* may have gone when so many of *wanted* have."""
    reached = {0}
    for line in wanted:
        if line == ANY:
            reached = set(range(min(reached), len(there) + 1)) if reached else set()
        else:
            reached = {n + 1 for n in reached if n < len(there) and _fits(line, there[n])}
    return len(there) in reached


def _fits(pattern: str, line: str) -> bool:
    literal = ".*".join(re.escape(part) for part in pattern.split(ANY))
    return re.fullmatch(literal.replace(re.escape(NUMBER), f"({NUMBER}|{ZERO})"), line) is not None
