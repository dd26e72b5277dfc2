"""Why a measurement ended early."""


class Failed(Exception):
    """It can't go on, or its result would not be true; the text is one line."""
