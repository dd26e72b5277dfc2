"""What a publication carries: where it belongs, and a finished frame that a gateway passes on unread."""

from dataclasses import dataclass
from uuid import UUID

from shared.errors import Invalid

VERSION = b"1"


@dataclass(frozen=True, slots=True)
class Payload:
    """The events *first* … *last* of a log, as the JSON frame that its readers get."""

    epoch: UUID
    generation: int
    first: int
    last: int
    frame: bytes


def channel_name(prefix: str, log: UUID) -> str:
    """Return the pub/sub channel of *log*."""
    return f"{prefix}:log:{log}"


def pack(payload: Payload) -> bytes:
    numbers = f" {payload.epoch.hex} {payload.generation} {payload.first} {payload.last}\n"
    return VERSION + numbers.encode() + payload.frame


def unpack(data: bytes) -> Payload:
    """Return what *data* carries.

    Raises:
        Invalid: it is not a publication of ours.
    """
    header, line_end, frame = data.partition(b"\n")
    try:
        version, epoch, generation, first, last = header.split(b" ")
        payload = Payload(UUID(epoch.decode("ascii")), int(generation), int(first), int(last), frame)
    except ValueError:
        raise Invalid("A publication has a header that is not ours.") from None
    if version != VERSION or not line_end or not 1 <= payload.first <= payload.last or not frame.startswith(b"{"):
        raise Invalid("A publication has a header that is not ours.")
    return payload
