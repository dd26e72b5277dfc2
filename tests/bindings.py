"""What a transcript leaves open: `$name` is one value wherever it stands, `…` is any."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_NAME = re.compile(r"\$([a-z_]+)")
ANY = "…"


class Bindings:
    """The values of the names so far. One that is first seen in what is said is given a value by *invent*."""

    def __init__(self, known: Mapping[str, Any], invent: Callable[[], str]) -> None:
        self._values = dict(known)
        self._invent = invent

    def fill(self, text: str) -> str:
        """Return *text*, which is said, with the values of its names."""
        return _NAME.sub(lambda found: str(self._value(found[1])), text)

    def compare(self, expected: Any, actual: Any, place: str = "") -> list[str]:
        """Return how *actual*, which was heard, differs from *expected*; names first seen here take its values."""
        if expected == ANY:
            return []
        if isinstance(expected, str):
            return self._compare_text(expected, actual, place)
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._compare_fields(expected, actual, place)
        if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
            pairs = zip(expected, actual, strict=True)
            return [told for n, (one, other) in enumerate(pairs) for told in self.compare(one, other, f"{place}[{n}]")]
        is_same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
        return [] if is_same else [_tell(place, expected, actual)]

    def _compare_text(self, expected: str, actual: Any, place: str) -> list[str]:
        name = _NAME.fullmatch(expected)
        if name is not None:
            known = self._values.setdefault(name[1], actual)
            return [] if known == actual else [_tell(place, f"{expected}, which is {known}", actual)]
        parts = [re.escape(self.fill(part)) for part in expected.split(ANY)]
        is_same = isinstance(actual, str) and re.fullmatch(".*".join(parts), actual, re.DOTALL)
        return [] if is_same else [_tell(place, expected, actual)]

    def _compare_fields(self, expected: dict[str, Any], actual: dict[str, Any], place: str) -> list[str]:
        filled = {self.fill(name): value for name, value in expected.items()}
        missing = [f"{place}.{name} is missing" for name in filled if name not in actual]
        unasked = [f"{place}.{name} is not in the document: {actual[name]!r}" for name in actual if name not in filled]
        common = [name for name in filled if name in actual]
        return missing + unasked + [t for name in common for t in self.compare(filled[name], actual[name], f"{place}.{name}")]

    def _value(self, name: str) -> Any:
        if name not in self._values:
            self._values[name] = self._invent()
        return self._values[name]


def _tell(place: str, expected: Any, actual: Any) -> str:
    return f"{place or 'it'} is {json.dumps(actual, ensure_ascii=False)}, and not {json.dumps(expected, ensure_ascii=False)}"
