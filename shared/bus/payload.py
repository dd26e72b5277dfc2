"""What a publication carries: where it belongs, and a finished frame that a gateway passes on unread."""

from urllib.parse import quote, unquote
from uuid import UUID

import msgspec

from shared.errors import Invalid

VERSION = "2"
NOBODY = "-"


class Payload(msgspec.Struct, frozen=True, gc=False):
    """The events *first* … *last* of a log, as the JSON frame that its readers get.

    *generation* is the log's after them: it rises when a text was erased. *gone* is the user whom the last one of them puts out
    of the conversation, who gets this frame and none after it.
    """

    epoch: UUID
    generation: int
    first: int
    last: int
    frame: bytes
    gone: str | None = None


def channel_name(prefix: str, log: UUID) -> str:
    """Return the pub/sub channel of *log*."""
    return f"{prefix}:log:{log}"


def cache_key(prefix: str, log: UUID, epoch: UUID, generation: int) -> str:
    """Return the key of the log's recent payloads. A late write under an older epoch or generation lands where nobody reads."""
    return f"{prefix}:recent:{epoch.hex}:{generation}:{log}"


def pack(payload: Payload) -> bytes:
    # Escaped, and marked: a user may be called "-".
    gone = NOBODY if payload.gone is None else f"={quote(payload.gone, safe='')}"
    numbers = f"{VERSION} {payload.epoch.hex} {payload.generation} {payload.first} {payload.last} {gone}\n"
    return numbers.encode() + payload.frame


def unpack(data: bytes) -> Payload:
    """Return what *data* carries.

    Raises:
        Invalid: it is not a publication of ours.
    """
    header, line_end, frame = data.partition(b"\n")
    try:
        version, epoch, generation, first, last, gone = header.decode("ascii").split(" ")
        user = None if gone == NOBODY else unquote(gone[1:], errors="strict")
        payload = Payload(UUID(epoch), int(generation), int(first), int(last), frame, user)
    except ValueError:
        raise Invalid("A publication has a header that is not ours.") from None
    if version != VERSION or not line_end or not 1 <= payload.first <= payload.last or not frame.startswith(b"{"):
        raise Invalid("A publication has a header that is not ours.")
    return payload
