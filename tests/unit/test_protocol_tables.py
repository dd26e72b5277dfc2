"""The tables of docs/protocol.md, held to the code."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from services.read.answers import Event
from services.settings import GatewaySettings
from shared import frames, limits
from shared.close_codes import CloseCode, is_retryable
from shared.errors import Refused, RingpostError
from shared.storage.history import OVERHEAD_BYTES
from shared.web import problems
from shared.web.patience import Timeouts
from shared.websocket.socket import EXPIRY_NOTICE_S, SILENT_HEARTBEATS
from tests.tables import PROTOCOL, read_table

DOCUMENT = PROTOCOL.read_text()
CODE = re.compile(r"`([a-z_]+)`")


def errors(root: type[RingpostError] = RingpostError) -> Iterator[type[RingpostError]]:
    """Yield every error that is told: all of the tree but its two that are never raised."""
    for error in root.__subclasses__():
        if error.__module__ in ("shared.errors", problems.__name__):
            if error is not Refused:
                yield error
            yield from errors(error)


def test_the_error_codes_are_those_of_the_code() -> None:
    told = {
        code: (set(map(int, row["status"].split(", "))), row["retry"] == "yes")
        for row in read_table(DOCUMENT, "code", "status", "retry", "meaning")
        for code in CODE.findall(row["code"])
    }

    real: dict[str, tuple[set[int], bool]] = {}
    for error in errors():
        real.setdefault(error.code, (set(), error.retryable))[0].add(error.status)
    assert told == real


def test_the_close_codes_are_those_of_the_code() -> None:
    rows = read_table(DOCUMENT, "code", "come back", "meaning")

    told = {int(row["code"]): {"yes": True, "no": False}[row["come back"]] for row in rows}

    # These three no gateway says: a cut connection, and what something between may say.
    codes = {*CloseCode, 1006, 1012, 1013}
    assert told == {code: is_retryable(code) for code in codes}


def test_every_error_closes_a_socket_with_a_code_whose_range_fits() -> None:
    for error in errors():
        assert error.close_code in {*CloseCode}
        assert not error.retryable or is_retryable(error.close_code)


LIMITS: dict[str, tuple[str, ...]] = {
    "text of a message": ("TEXT_CHARACTERS", "TEXT_BYTES"),
    "title": ("TITLE_CHARACTERS",),
    "topic": ("TOPIC_CHARACTERS",),
    "emoji of a reaction": ("EMOJI_CHARACTERS", "EMOJI_BYTES"),
    "different emojis at a message": ("REACTION_KINDS",),
    "user id (`sub`)": ("USER_BYTES",),
    "members named when a conversation is created": ("CREATE_MEMBERS",),
    "sends in one POST": ("POST_SENDS",),
    "a frame from the client": ("FRAME_BYTES",),
    "the hello": ("HELLO_BYTES",),
    "body of a request": ("BODY_BYTES",),
    "body that creates a conversation, sends, polls, or opens a stream": (
        "CREATE_BODY_BYTES",
        "POST_BODY_BYTES",
        "CURSOR_BODY_BYTES",
    ),
    "request line and headers": ("HEADER_BYTES",),
    "positions in a cursor": ("CURSOR_POSITIONS",),
    "events in a page": ("PAGE_EVENTS", "PAGE_EVENTS_DEFAULT"),
    "conversations that a client wants `first`": ("CURSOR_FIRST",),
    "a page, and a frame with events from the service": ("PAGE_BYTES",),
    "a long poll": ("POLL_WAIT_S",),
    "users that a socket watches": ("WATCHED_USERS",),
    "members of a conversation that see each other's receipts": ("RECEIPT_MEMBERS",),
    "bad frames": ("BAD_FRAMES",),
    "`seq`": ("SEQ_MAX",),
}


def written(name: str) -> str:
    value: int = getattr(limits, name)
    if name == "SEQ_MAX":
        return "2^53 − 1" if value == 2**53 - 1 else str(value)
    if name.endswith("_BYTES") and value % 1024 == 0:
        return f"{value // 1024:,} KiB"
    return f"{value:,} s" if name.endswith("_S") else f"{value:,}"


def numbers(text: str) -> set[str]:
    return set(re.findall(r"2\^53 − 1|\d+(?:,\d+)*(?: KiB| s\b)?", text))


def test_the_limits_are_those_of_the_code() -> None:
    told = {row["what"]: row["limit"] for row in read_table(DOCUMENT, "what", "limit")}

    assert told.keys() == LIMITS.keys()
    for what, names in LIMITS.items():
        # 1 is the least of a text, and what surrounds each event is no limit of a client's.
        assert numbers(told[what]) - {"1", str(OVERHEAD_BYTES)} == set(map(written, names)), what


def test_every_limit_is_in_the_table() -> None:
    public = {name for name in vars(limits) if name.isupper()} - {"PROTOCOL"}

    assert public == {name for names in LIMITS.values() for name in names}


TIMES = {
    "a request's line and headers, from the first byte to the last": Timeouts().head_s,
    "a pause in a body": Timeouts().body_s,
    "an idle HTTP connection": Timeouts().keep_alive_s,
    "the hello, from the handshake on": GatewaySettings.model_fields["hello_timeout_s"].default,
    "`heartbeat_s`": GatewaySettings.model_fields["heartbeat_s"].default,
    "silence of a client, until its socket is cut": SILENT_HEARTBEATS,
    "notice before a token ends": EXPIRY_NOTICE_S,
}


def test_the_times_are_those_of_the_code() -> None:
    rows = read_table(DOCUMENT, "time", "how long")

    told = {row["time"]: float(re.match(r"[\d.]+", row["how long"])[0]) for row in rows}  # type: ignore[index]  # each begins so

    assert told == TIMES


FRAME = re.compile(r'`\{"type": "([a-z_]+)"(.*)\}`')
FIELD = re.compile(r'"([a-z_]+)"(\??)')


def test_the_client_s_frames_are_those_of_the_code() -> None:
    rows = read_table(DOCUMENT, "from the client", "meaning")

    told = {found[1]: dict(FIELD.findall(found[2])) for row in rows if (found := FRAME.fullmatch(row["from the client"]))}

    real: dict[str, Any] = {}
    for kind in get_args(frames.Frame):
        fields = msgspec.structs.fields(kind)
        real[msgspec.inspect.type_info(kind).tag] = {f.name: "" if f.required else "?" for f in fields}  # type: ignore[attr-defined]  # a struct's
    assert len(told) == len(rows)
    assert told == real


COMMON = {"seq", "type", "sender", "id", "at", "messages"}


def test_the_events_are_those_that_the_openapi_document_has() -> None:
    rows = read_table(DOCUMENT, "`type`", "fields besides `seq`, `type`, `sender`, `id`, `at`, `messages`")

    told = {
        type: set(re.findall(r"`([a-z_]+)`", row["fields besides `seq`, `type`, `sender`, `id`, `at`, `messages`"]))
        for row in rows
        for type in CODE.findall(row["`type`"])
    }

    real = {
        type: {*model.model_fields} - COMMON
        for model in get_args(get_args(Event)[0])
        for type in get_args(model.model_fields["type"].annotation)
    }
    assert told == real


def test_a_table_that_is_not_there_is_missed() -> None:
    with pytest.raises(LookupError):
        read_table(DOCUMENT, "code", "colour")
