"""Why a socket was closed. The range tells a client what to do next.

| range       | what it says                                                              |
|-------------|---------------------------------------------------------------------------|
| 1000-1015   | RFC 6455's own; come back after 1001, 1006, 1011, 1012, 1013, not else    |
| 4000-4499   | come back, with the positions you hold, after the pause of your back-off  |
| 4500-4999   | do not come back as you are: mend what the code says first                |
"""

from enum import IntEnum


class CloseCode(IntEnum):
    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    TOO_LARGE = 1009
    INTERNAL_ERROR = 1011

    DRAINING = 4000
    SLOW_CONSUMER = 4001
    SILENT = 4002
    UNAVAILABLE = 4003

    UNAUTHENTICATED = 4500
    TOKEN_EXPIRED = 4501
    BAD_FRAMES = 4502
    NO_HELLO = 4503
    TOO_MANY_SOCKETS = 4504


def is_retryable(code: int) -> bool:
    """Say whether a client that was closed with *code* should connect again by itself."""
    return 4000 <= code < 4500 or code in {1001, 1006, 1011, 1012, 1013}
