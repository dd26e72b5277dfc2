"""Which texts, titles and user ids may be stored."""

import pytest

from shared import limits
from shared.errors import Invalid, TooLarge
from shared.text import check_text, check_title, check_user

KEPT = {
    "a word": "hello",
    "one character": ".",
    "another script": "日本語",
    "an emoji": "🎉",
    "an emoji of 25 bytes": "👨‍👩‍👧‍👦",
    "an accent by itself": "\u0301",
    "a private character": "\ue000",
    "an overstrike alone": "\x02\x02",
    "an underline toggle alone": "\x1f",
    "an escape sequence": "\x1b[31mred\x1b[0m",
    "line ends": "a\r\nb\r",
    "bidi marks": "\u202eabc\u202c",
    "blanks around": "  a\t",
    "markup": "<script>alert(1)</script>",
    "as many characters as may be": "x" * limits.TEXT_CHARACTERS,
    "as many bytes as may be": "🎉" * limits.TEXT_CHARACTERS,
}
BLANK = {
    "nothing": "",
    "a space": " ",
    "tabs and line ends": "\t\r\n\v\f",
    "the next-line control": "\x85",
    "a no-break space": "\u00a0",
    "an ideographic space": "\u3000",
    "line and paragraph separators": "\u2028\u2029",
    "a zero-width space": "\u200b",
    "a zero-width joiner": "\u200d",
    "a word joiner": "\u2060",
    "a soft hyphen": "\u00ad",
    "a byte order mark": "\ufeff",
    "a Hangul filler": "\u3164",
    "a halfwidth Hangul filler": "\uffa0",
    "Hangul jamo fillers": "\u115f\u1160",
    "a blank Braille pattern": "\u2800",
    "a grapheme joiner": "\u034f",
    "a variation selector": "\ufe0f",
    "tags": "\U000e0001\U000e0041",
    "bidi marks alone": "\u202e\u202c",
    "all of these": " \u200b\u2060\u3164\u00ad\u2800",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_people_type_is_kept_as_it_is(text: str) -> None:
    assert check_text(text) == text


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
def test_what_nobody_can_see_is_no_text(text: str) -> None:
    with pytest.raises(Invalid):
        check_text(text)


@pytest.mark.parametrize("text", ["a\x00b", "\x00", "\ud800", "a\udc00", "\udc00\ud800"])
def test_what_can_not_be_stored_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        check_text(text)


@pytest.mark.parametrize("text", ["x" * 8_001, "\u200b" * 100_000, "👨‍👩‍👧‍👦" * 1_200])
def test_a_text_over_its_limit_is_told_from_a_wrong_one(text: str) -> None:
    with pytest.raises(TooLarge):
        check_text(text)


def test_a_title_is_shorter_than_a_text() -> None:
    assert check_title("ñ" * limits.TITLE_CHARACTERS)
    with pytest.raises(TooLarge):
        check_title("ñ" * (limits.TITLE_CHARACTERS + 1))


@pytest.mark.parametrize("user", ["alice", "a b", "用户", "user|42", "[^_^]", "x" * 255])
def test_a_user_id_is_any_visible_name(user: str) -> None:
    assert check_user(user) == user


@pytest.mark.parametrize("user", ["", " ", "a\nb", "a\x00", "\x7f", "a\x9fb", "\u200b", "\ud800"])
def test_a_user_id_has_no_control_characters_and_is_not_blank(user: str) -> None:
    with pytest.raises(Invalid):
        check_user(user)


def test_a_user_id_is_bounded_in_bytes() -> None:
    with pytest.raises(TooLarge):
        check_user("é" * 128)


def test_an_error_does_not_repeat_the_text() -> None:
    with pytest.raises(Invalid) as caught:
        check_text("secret\x00")
    assert "secret" not in str(caught.value)
