"""What the end of a socket means for the next one."""

# RFC 6455 7.4.1: going away, no close frame at all, an error, a restart, try later.
_COME_BACK = frozenset({1001, 1006, 1011, 1012, 1013})
TOKEN_EXPIRED = 4501
_LATER = frozenset({408, 425, 429})


def comes_back(code: int) -> bool:
    """Say whether a client whose socket was closed with *code* connects again by itself."""
    return 4000 <= code < 4500 or code in _COME_BACK


def is_spoken(code: int) -> bool:
    """Say whether it was the service itself that closed the socket, with a *code* of its own."""
    return 4000 <= code < 5000


def is_passing(status: int) -> bool:
    """Say whether an HTTP *status* is a state that passes, so that the same request may succeed later."""
    return status >= 500 or status in _LATER
