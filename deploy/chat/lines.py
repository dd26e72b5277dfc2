"""Bytes that come in pieces, as lines. A pure core."""

from shared import limits

MAX_LINE_BYTES = 2 * limits.TEXT_BYTES


class Lines:
    """Splits what is fed to it at line feeds (a carriage return before one goes too).

    A line is kept up to MAX_LINE_BYTES, so that one without an end does not fill the memory; that is more than a message may
    have, so it is refused and not shortened. What is not UTF-8 becomes lone surrogates, which no message may have either.
    """

    def __init__(self) -> None:
        self._part = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that *data* completes."""
        *whole, rest = (self._part + data).split(b"\n")
        self._part = rest[:MAX_LINE_BYTES]
        return [_decode(line) for line in whole]

    def end(self) -> list[str]:
        """Return the last line, if that has no line feed."""
        part, self._part = self._part, b""
        return [_decode(part)] if part else []


def _decode(line: bytes) -> str:
    return line[:MAX_LINE_BYTES].removesuffix(b"\r").decode(errors="surrogateescape")
