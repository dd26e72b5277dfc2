"""The same people, whose sockets swallow every tenth frame of events: a run that must fail, which a test sees to."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from tests.load.line import Line
from tests.load.locustfile import Chatter as Chatter

_numbers, _take = count(1), Line._take


def _swallow(line: Line, frame: Mapping[str, Any]) -> None:
    if frame["type"] != "events" or next(_numbers) % 10:
        _take(line, frame)


Line._take = _swallow  # type: ignore[assignment, method-assign]  # what it is here for
