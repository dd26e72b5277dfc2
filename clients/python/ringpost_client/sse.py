"""Server-sent events, as a read service writes them: bytes in, frames out. A pure core."""


class EventLines:
    """Cuts a stream into events, at LF alone: what else Unicode has for an end of a line stands in texts."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Return the data of the events that are whole by now; None for a comment, which is a sign of life."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        found: list[bytes | None] = []
        for line in lines:
            if line.startswith(b":"):
                found.append(None)
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data = []
        return found
