"""The patterns of the OpenAPI document say what the rules of texts do."""

import re
import sys
import unicodedata
from collections.abc import Callable

import pytest

from shared.errors import Refused
from shared.text import check_emoji, check_text, check_title, check_topic, check_user
from shared.web import patterns

Check = Callable[[str], str]
RULES = [(patterns.TEXT, check_text), (patterns.NAME, check_user)]
AROUND = ["{}", "{}a", "a{}", " {}\u200b", "{}\n", "\u3000{}\x1b"]
# Unassigned and private ones, whose rule is that of the others, and surrogates, which no UTF-8 has.
LEFT_OUT = {"Cn", "Co", "Cs"}
CHARACTERS = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in LEFT_OUT]


def is_taken(check: Check, text: str) -> bool:
    try:
        return check(text) == text
    except Refused:
        return False


@pytest.mark.parametrize(("pattern", "check"), RULES)
def test_a_pattern_takes_each_character_that_its_rule_takes(pattern: str, check: Check) -> None:
    is_matched = re.compile(pattern).search
    assert [c for c in CHARACTERS if bool(is_matched(c)) != is_taken(check, c)] == []


@pytest.mark.parametrize(("pattern", "check"), [*RULES, (patterns.TEXT, check_title), (patterns.TEXT, check_topic)])
def test_a_pattern_looks_at_the_whole_text(pattern: str, check: Check) -> None:
    is_matched = re.compile(pattern).fullmatch
    for text in ("", *(around.format(c) for around in AROUND for c in ("b", " ", "\x00", "\x02", "\x85", "\u200b", "🎉"))):
        assert bool(is_matched(text)) == is_taken(check, text), text


def test_an_emoji_is_as_a_name_is() -> None:
    is_matched = re.compile(patterns.NAME).fullmatch
    for text in ("👍", "+1", " ", "a\nb", "\u200b", "\x00"):
        assert bool(is_matched(text)) == is_taken(check_emoji, text), text
