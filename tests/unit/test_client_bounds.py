"""What the Python client does not even store, since no frame can carry it."""

from typing import Any
from uuid import uuid4

import pytest
from ringpost_client import Refused
from ringpost_client.bounds import FRAME_BYTES, SEQ_MAX, as_id, check

from shared import limits

ROOM, ID = str(uuid4()), str(uuid4())


def test_an_id_is_as_the_service_writes_it_or_none() -> None:
    assert as_id(ID.upper()) == as_id(ID.replace("-", "")) == ID
    for nonsense in ("", "5f0c", "x" * 36, None, 7):
        with pytest.raises(Refused):
            as_id(nonsense)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "send", "text": "x" * FRAME_BYTES}, "too_large"),
        ({"type": "send", "text": "\N{GRINNING FACE}" * (FRAME_BYTES // 12)}, "too_large"),
        ({"type": "send", "text": "half \ud800"}, "invalid"),
        ({"type": "send", "text": None}, "invalid"),
        ({"type": "send", "text": "x", "reply_to": 0}, "invalid"),
        ({"type": "edit", "seq": SEQ_MAX + 1, "text": "x"}, "invalid"),
        ({"type": "delete", "seq": True}, "invalid"),
        ({"type": "delete", "seq": "7"}, "invalid"),
        ({"type": "react", "seq": 7, "emoji": "\udc00"}, "invalid"),
    ],
)
def test_what_no_frame_can_carry_is_refused_at_once(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        check(ROOM, ID, change)
    assert refused.value.code == code


def test_the_longest_text_passes_and_what_is_too_long_for_the_service_alone_is_its_to_refuse() -> None:
    longest = "\N{GRINNING FACE}" * limits.TEXT_CHARACTERS
    check(ROOM, ID, {"type": "edit", "seq": SEQ_MAX, "text": longest})
    check(ROOM, ID, {"type": "send", "text": "", "reply_to": 1})
    check(ROOM, ID, {"type": "send", "text": "x" * 2 * limits.TEXT_CHARACTERS})
    assert (FRAME_BYTES, SEQ_MAX) == (limits.FRAME_BYTES, limits.SEQ_MAX)
