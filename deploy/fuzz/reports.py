"""What a client's process writes of its life, one line of JSON each: to a file, so that it outlives a kill."""

from typing import ClassVar

import msgspec


class _Report(msgspec.Struct, frozen=True, tag_field="what", tag=str.lower):
    """*what* tells one from another."""


class Began(_Report, frozen=True):
    """The client is open; *left* are the texts that it found in its outbox."""

    left: tuple[str, ...]


class Locked(_Report, frozen=True):
    """Another process has the outbox."""


class Said(_Report, frozen=True):
    """The app is about to send this; the text is one of a kind."""

    room: str
    text: str


class Kept(_Report, frozen=True):
    """The SDK says that it is on its disk."""

    text: str


class Acked(_Report, frozen=True):
    """The SDK says that it is committed."""

    text: str
    seq: int


class Refused(_Report, frozen=True):
    """The SDK says that it was refused for good."""

    text: str
    code: str


class Repeated(_Report, frozen=True):
    """The service said that a send was a duplicate."""


class Seen(_Report, frozen=True):
    """The app was shown an event of *room* (None: of the inbox)."""

    room: str | None
    seq: int
    id: str = ""
    sender: str = ""
    text: str = ""
    is_message: bool = False


class Up(_Report, frozen=True):
    service: str


class Away(_Report, frozen=True):
    service: str
    reason: str = ""


class Drained(_Report, frozen=True):
    """The outbox is empty."""


class Closed(_Report, frozen=True):
    """It ended as the SDK wants it, with so many sends left in the outbox."""

    left: int


class Broken(_Report, frozen=True):
    """Something that must not happen."""

    fault: str


Report = Began | Locked | Said | Kept | Acked | Refused | Repeated | Seen | Up | Away | Drained | Closed | Broken


class Reader:
    """Takes the bytes of a file as it grows; a line that a kill has torn is none."""

    _decoder: ClassVar[msgspec.json.Decoder[Report]] = msgspec.json.Decoder(Report)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Report]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [self._decoder.decode(line) for line in lines]
