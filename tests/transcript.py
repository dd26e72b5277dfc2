"""Transcripts: what a client says and hears, as docs/protocol.md writes it down. A pure core that reads and compares them.

A block fenced as `transcript` has one step a line; a line that begins with a blank continues the one before.

    [NAME] > POST WRITE/v1/conversations    a request: its first line, then headers, then the body
    [NAME] < 201                            its answer: the status, then headers, then the body
    [NAME] → {"type": "ping"}               a frame from the client
    [NAME] ← {"type": "pong"}               a frame from the service
    [NAME] ← close 4000                     the end of the socket, by the service; → by the client
    [NAME] ← end                            the end of the event stream, likewise
    (Postgres is away)                      something happens

NAME is who speaks; it is left out where one alone does.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"(?:([a-z]+) )?([><→←]) (.+)")
_HAPPENS = re.compile(r"\((.+)\)")
_REQUEST = re.compile(r"([A-Z]+) (READ|WRITE)(/\S*)")
_CLOSE = re.compile(r"close (\d{4})")


class Unreadable(Exception):
    """A line of a transcript is none."""


@dataclass(frozen=True, slots=True)
class Step:
    """*line* is its number in the document."""

    line: int
    who: str


@dataclass(frozen=True, slots=True)
class More:
    """What follows a first line. *line* is the body's."""

    headers: dict[str, str]
    body: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Request(Step):
    method: str
    service: str
    path: str
    more: More


@dataclass(frozen=True, slots=True)
class Answer(Step):
    status: int
    more: More


@dataclass(frozen=True, slots=True)
class Said(Step):
    """A frame from the client; not always JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Heard(Step):
    """Frames from the service: one, or several where events or acks came together."""

    frames: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Closed(Step):
    code: int
    by_client: bool


@dataclass(frozen=True, slots=True)
class Over(Step):
    by_client: bool


@dataclass(frozen=True, slots=True)
class Happens(Step):
    what: str


def read(document: str) -> list[Step]:
    """Return the steps of all transcripts in *document* (Markdown), in order.

    Raises:
        Unreadable: it names the line.
    """
    steps: list[Step] = []
    for block in _blocks(document):
        rest = list(_logical_lines(block))
        while rest:
            steps.append(_take(rest))
    return steps


def split(frame: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the smallest frames that say the same: the service may put several events, or acks, into one.

    Raises:
        Unreadable: the range that the frame names is not that of its events.
    """
    if frame.get("type") == "acks":
        return [frame | {"acks": [ack]} for ack in frame["acks"]]
    if frame.get("type") not in ("events", "inbox"):
        return [frame]
    seqs = [event["seq"] for event in frame["events"]]
    if not seqs or seqs != list(range(frame["from"], frame["to"] + 1)):
        raise Unreadable(f"the events are {seqs}, and the range is {frame['from']} to {frame['to']}")
    return [frame | {"from": event["seq"], "to": event["seq"], "events": [event]} for event in frame["events"]]


Numbered = tuple[int, str]


def _blocks(document: str) -> Iterator[list[Numbered]]:
    block: list[Numbered] | None = None
    for number, line in enumerate(document.splitlines(), 1):
        if block is None:
            block = [] if line == "```transcript" else None
        elif line == "```":
            yield block
            block = None
        else:
            block.append((number, line))


def _logical_lines(block: Sequence[Numbered]) -> Iterator[Numbered]:
    joined: list[Numbered] = []
    for number, line in block:
        if line.startswith(" ") and joined:
            joined[-1] = joined[-1][0], f"{joined[-1][1]} {line.strip()}"
        elif line:
            joined.append((number, line))
    yield from joined


def _take(rest: list[Numbered]) -> Step:
    """Take the lines of the next step off *rest*."""
    number, line = rest.pop(0)
    if found := _HAPPENS.fullmatch(line):
        return Happens(number, "", found[1])
    who, mark, text = _parse(number, line)
    if mark == ">":
        return _take_request(number, who, text, rest)
    if mark == "<" and text.isdecimal():
        return Answer(number, who, int(text), _take_more(who, mark, rest))
    if found := _CLOSE.fullmatch(text):
        return Closed(number, who, int(found[1]), mark == "→")
    if text == "end":
        return Over(number, who, mark == "→")
    if mark == "→":
        return Said(number, who, text)
    if mark == "←":
        return Heard(number, who, _read_frames(number, text))
    raise Unreadable(f"line {number} is an answer without a status: {text}")


def _parse(number: int, line: str) -> tuple[str, str, str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Unreadable(f"line {number} is none of a transcript: {line}")
    return found[1] or "", found[2], found[3]


def _take_request(number: int, who: str, text: str, rest: list[Numbered]) -> Request:
    found = _REQUEST.fullmatch(text)
    if found is None:
        raise Unreadable(f"line {number} is no request: {text}")
    return Request(number, who, found[1], found[2], found[3], _take_more(who, ">", rest))


def _take_more(who: str, mark: str, rest: list[Numbered]) -> More:
    headers: dict[str, str] = {}
    while rest and not _HAPPENS.fullmatch(rest[0][1]):
        line, (next_who, next_mark, text) = rest[0][0], _parse(*rest[0])
        if (next_who, next_mark) != (who, mark) or _REQUEST.fullmatch(text):
            break
        rest.pop(0)
        if text.startswith(("{", "[")):
            return More(headers, text, line)
        name, _, value = text.partition(": ")
        headers[name] = value
    return More(headers)


def _read_frames(number: int, text: str) -> Sequence[dict[str, Any]]:
    try:
        return split(json.loads(text))
    except (ValueError, Unreadable) as error:
        raise Unreadable(f"line {number}: {error}") from None
