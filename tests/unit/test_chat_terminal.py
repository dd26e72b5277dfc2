"""How foreign text and events read on a terminal."""

import unicodedata
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringpost_client import Event

from deploy.chat.terminal import has_control, plain, shorten
from deploy.chat.transcript import event_fields, event_line

FOREIGN = st.text(st.characters() | st.sampled_from("\x00\x1b\x7f\x85\x9b\n\u2028\u202e\u2066\ud800"))
ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"


def event(type: str, sender: str = "alice", **fields: Any) -> Event:
    common = {"seq": 7, "type": type, "sender": sender, "id": "", "at": "2026-11-24T19:44:53.125000Z", "messages": 3}
    return Event(ROOM, 7, type, common | fields)


def line(type: str, sender: str = "alice", title: str = "Tea", **fields: Any) -> str:
    return event_line(event(type, sender, **fields), title, UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 日本 👩‍👩‍👧 שלום", "naïve 日本 👩‍👩‍👧 שלום"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("\x9b31m\x90q\x9c", r"\x9b31m\x90q\x9c"),
        ("a\nb\r\nc\td\u2028e\x85f", r"a\nb\r\nc\td\u2028e\x85f"),
        ("abc\u202etxt.exe\u2066\u2069\u200f\u061c", r"abc\u202etxt.exe\u2066\u2069\u200f\u061c"),
        ("a\x08\x7fb", r"a\x08\x7fb"),
        ("\ud800", r"\ud800"),
        ("C:\\new", "C:\\new"),
    ],
)
def test_what_could_drive_a_terminal_is_written_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(FOREIGN)
def test_plain_text_is_one_line_that_no_terminal_obeys(text: str) -> None:
    shown = plain(text)

    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in shown)
    assert not any(
        unicodedata.bidirectional(character) in {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI"} for character in shown
    )
    assert plain(shown) == shown


@given(FOREIGN, FOREIGN, FOREIGN)
def test_an_event_is_one_plain_line_whatever_its_fields_hold(title: str, sender: str, text: str) -> None:
    for shown in (
        line("message", sender, title, text=text),
        line("topic_changed", sender, title, topic=text),
        line(text, sender, title),
    ):
        assert plain(shown) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (event("message", text="Hello"), "alice: Hello"),
        (event("message", text="Yes", reply_to=3), "alice (to #3): Yes"),
        (event("message", erased=True), "* alice said what was deleted later"),
        (event("created", members=[{"user": "alice", "role": "owner"}]), "* alice created this conversation"),
        (
            event("created", members=[{"user": user, "role": "member"} for user in ("alice", *"bcdefgh")]),
            "* alice created this conversation with b, c, d, e, f and 2 more",
        ),
        (event("joined", user="bob", role="member"), "* alice added bob"),
        (event("joined", user="alice", role="member"), "* alice joined"),
        (event("joined", sender="", user="bob", role="member"), "* (the host product) added bob"),
        (event("edited", target=3, text="{seq}"), "* alice edited #3: {seq}"),
        (event("renamed", title=None), "* alice renamed this conversation: (nothing)"),
        (event("reacted", target=3, emoji="👍"), "* alice reacted to #3: 👍"),
        (event("of tomorrow"), "* alice of tomorrow"),
    ],
)
def test_an_event_reads_as_a_message_or_as_a_note(given: Event, shown: str) -> None:
    assert event_line(given, "Tea", UTC) == f"2026-11-24 19:44:53 [Tea #7] {shown}"


def test_the_time_is_the_readers_own() -> None:
    assert event_line(event("message", text=""), "Tea", timezone(timedelta(hours=5.5))).startswith("2026-11-25 01:14:53 ")


def test_a_note_is_dim_where_colours_are_and_a_message_never() -> None:
    assert event_line(event("left"), "Tea", UTC, is_colored=True).startswith("\x1b[2m")
    assert "\x1b" not in event_line(event("left"), "Tea", UTC)
    assert "\x1b" not in event_line(event("message", text="x"), "Tea", UTC, is_colored=True)


def test_json_has_the_text_as_it_is_and_whose_it_is() -> None:
    fields = event_fields(event("message", text="\x1b"), "Tea")

    assert (fields["conversation"], fields["title"], fields["seq"], fields["text"]) == (ROOM, "Tea", 7, "\x1b")


def test_an_arrow_key_is_a_control_character_and_a_tab_is_none() -> None:
    assert has_control("arrow\x1b[D")
    assert has_control("rubbed\x7f")
    assert not has_control("a\tb 日本")


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert (shorten("abcd", 4), shorten("abcde", 4)) == ("abcd", "abc…")
