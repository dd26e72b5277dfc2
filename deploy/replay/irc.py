"""IRC logs, read byte for byte: who said what, in the log's order. A pure core but for `read_log`."""

import re
from dataclasses import dataclass
from pathlib import Path

DAY_S = 24 * 3600

_TIME = r"(?:\S+ \d{4}-\d\d-\d\d )?\[(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?\]"
# One separator: a space, or a tab with a space that may follow. What stands after it belongs to the text.
_SAID = re.compile(_TIME + r" <(?P<nick>[^>]+)>(?:(?: |\t ?)(?P<text>.*))?", re.DOTALL)
_ACTION = re.compile(_TIME + r" {1,2}\* (?P<nick>\S+)(?: (?P<text>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a log. *second* is the time of day that the log gives; an action (/me) is a message like any other."""

    nick: str
    text: str
    second: int


@dataclass(frozen=True, slots=True)
class Log:
    """A file's messages; *name* is the file's, without its ending."""

    name: str
    said: tuple[Said, ...]


def parse(line: str) -> Said | None:
    """Return what a line of a log says; None for a notice and for anything else that nobody said."""
    match = _SAID.fullmatch(line) or _ACTION.fullmatch(line)
    if match is None:
        return None
    second = 3600 * int(match["hour"]) + 60 * int(match["minute"]) + int(match["second"] or 0)
    return Said(match["nick"], match["text"] or "", second)


def parse_log(name: str, text: str) -> Log:
    """Return the messages of *text*. Only a line feed ends a line: the other signs that can are part of what people typed."""
    said = map(parse, text.split("\n"))
    return Log(name, tuple(message for message in said if message is not None))


def read_log(path: Path) -> Log:
    """Read a log.

    Raises:
        OSError, UnicodeDecodeError: it can't be read, or is not UTF-8.
    """
    return parse_log(path.stem, path.read_bytes().decode())


def elapsed(seconds: tuple[int, ...]) -> tuple[int, ...]:
    """Return seconds since the first message, from times of day that pass midnight, or noon where the clock has 12 hours."""
    total, out = 0, []
    for before, now in zip((seconds[0], *seconds), seconds, strict=False):
        step = now - before
        while step < 0:
            step += DAY_S // 2
        total += step
        out.append(total)
    return tuple(out)
