"""What people may type: the rules for texts, titles and user ids, byte for byte as `docs/protocol.md` states them.

Nothing is changed: control characters, bidi marks, escape sequences and line ends are kept as they came.
"""

import re
import unicodedata

from shared import limits
from shared.errors import Invalid, TooLarge

_GRAPHIC = re.compile("[!-~]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_BLANK_CONTROLS = frozenset("\t\n\v\f\r\x85")
_INVISIBLE_CATEGORIES = frozenset({"Cf", "Zs", "Zl", "Zp"})
# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties) outside the category Cf, and the blank Braille pattern.
_INVISIBLE_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),
)


def check_text(text: str) -> str:
    """Return the *text* of a message if it may be stored.

    A line of control characters alone counts as text (IRC has such lines); blanks and invisible characters alone do not.

    Raises:
        Invalid, TooLarge: with a sentence that does not repeat the text.
    """
    return _check(text, "text", limits.TEXT_CHARACTERS, limits.TEXT_BYTES)


def check_title(title: str) -> str:
    """Return the *title* of a conversation if it may be stored; raise like `check_text`."""
    return _check(title, "title", limits.TITLE_CHARACTERS, 4 * limits.TITLE_CHARACTERS)


def check_topic(topic: str) -> str:
    """Return the *topic* of a conversation if it may be stored; raise like `check_text`."""
    return _check(topic, "topic", limits.TOPIC_CHARACTERS, 4 * limits.TOPIC_CHARACTERS)


def check_emoji(emoji: str) -> str:
    """Return the *emoji* (or short word) of a reaction if it may be one; raise like `check_user`."""
    _check(emoji, "emoji", limits.EMOJI_CHARACTERS, limits.EMOJI_BYTES)
    if _CONTROL.search(emoji):
        raise Invalid("The emoji has a control character.")
    return emoji


def check_user(user: str) -> str:
    """Return the *user* id if it may be one; raise like `check_text`, and for any control character."""
    _check(user, "user id", limits.USER_BYTES, limits.USER_BYTES)
    if _CONTROL.search(user):
        raise Invalid("The user id has a control character.")
    return user


def _check(text: str, name: str, max_characters: int, max_bytes: int) -> str:
    if len(text) > max_characters or _count_bytes(text, name) > max_bytes:
        raise TooLarge(f"The {name} is over {max_characters} characters or {max_bytes} bytes.")
    if "\x00" in text:
        raise Invalid(f"The {name} has a NUL.")
    if not _GRAPHIC.search(text) and not any(map(_is_visible, set(text))):
        raise Invalid(f"The {name} is empty, or blank to the eye.")
    return text


def _count_bytes(text: str, name: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise Invalid(f"The {name} has a lone surrogate.") from None


def _is_visible(character: str) -> bool:
    if character in _BLANK_CONTROLS or unicodedata.category(character) in _INVISIBLE_CATEGORIES:
        return False
    return not any(first <= ord(character) <= last for first, last in _INVISIBLE_RANGES)
