"""Why a benchmark ended early."""


class Failed(Exception):
    """The benchmark can't go on, or its result would not be true; the text is one line."""
