"""What keeps `ringpost send` and `ringpost tail` from doing what they were asked."""


class ChatError(Exception):
    """The text says what is wrong, and what to do, in one line for people."""
