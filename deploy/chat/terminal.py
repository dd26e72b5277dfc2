"""Foreign text on a terminal: on one line, and unable to drive it. A pure core."""

import re

# What a terminal obeys (C0, DEL, C1), what reorders the text around it (bidi), what ends a line, and what no encoding has.
_DRIVING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")


def plain(text: str) -> str:
    r"""Return *text* with every character that could drive a terminal written as Python would: `\x1b`, `\n`, `\u202e`."""
    return _DRIVING.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def has_control(text: str) -> bool:
    """Say whether *text* has a control character other than a tab: where it was typed, a key such as an arrow's."""
    return any((ord(character) < 0x20 and character != "\t") or character == "\x7f" for character in text)


def shorten(text: str, most: int) -> str:
    """Return *text* if it has at most *most* characters, else its beginning with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"
