"""What a frame can carry. A pure core.

The service refuses a frame that is none without naming the send in it: what is beyond this would be sent for ever.
"""

import json
import uuid

from ringpost_client.errors import Refused
from ringpost_client.outbox import Change

FRAME_BYTES = 128 << 10
SEQ_MAX = 2**53 - 1
NUMBERS, WORDS = ("seq", "reply_to"), ("text", "emoji")


def as_id(words: str) -> str:
    """Return a UUID as the service writes it.

    Raises:
        Refused: it is none.
    """
    try:
        return str(uuid.UUID(words))
    except (ValueError, AttributeError, TypeError):
        raise Refused("invalid", "An id is a UUID.") from None


def check(conversation: str, id: str, change: Change) -> None:
    """Raise Refused if no frame can carry *change*. Whether it may be said is the service's to judge."""
    for name in (each for each in NUMBERS if each in change):
        if type(change[name]) is not int or not 1 <= change[name] <= SEQ_MAX:
            raise Refused("invalid", f"{name} is the seq of a message.")
    for name in (each for each in WORDS if each in change):
        if not isinstance(change[name], str) or not _is_text(change[name]):
            raise Refused("invalid", f"{name} is no text, or has half of a surrogate pair.")
    frame = {"conversation": conversation, "id": id, "again": True, **change}
    if len(json.dumps(frame)) > FRAME_BYTES:
        raise Refused("too_large", f"A frame has at most {FRAME_BYTES:,} bytes.")


def _is_text(words: str) -> bool:
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True
