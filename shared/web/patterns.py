"""The rules of `shared/text.py` as patterns, for the OpenAPI document: ECMA-262, and the same in Python."""

# What is no more than blank to the eye: blanks, and what has no shape of its own.
_INVISIBLE = (
    (0x0009, 0x000D),
    (0x0020, 0x0020),
    (0x0085, 0x0085),
    (0x00A0, 0x00A0),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)


def _span(first: int, last: int) -> str:
    return chr(first) if first == last else f"{chr(first)}-{chr(last)}"


def _pattern(forbidden: str) -> str:
    """Return the pattern of what has no *forbidden* character, and one at least that can be seen."""
    invisible = "".join(_span(*span) for span in _INVISIBLE)
    return f"^[^{forbidden}]*[^{forbidden}{invisible}][^{forbidden}]*$"


TEXT = _pattern("\x00")
NAME = _pattern("\x00-\x1f\x7f-\x9f")
