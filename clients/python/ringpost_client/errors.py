"""Every error of this client, in one tree.

ClientError
├── Refused         the service said no, and would say no again
├── Unavailable     not now: no way through, or a fault of the service; the same request may succeed later
├── Stopped         a socket was closed with a code that says not to come back
├── PositionLost    the log begins anew, after a backup was restored: read its history again
├── StoreFailed     the disk does not keep the outbox: it is full, read-only, or the file is damaged
├── OutboxLocked    another process has this outbox open
└── Closed          this client was closed while the call was waiting
"""


class ClientError(Exception):
    """The root."""


class Refused(ClientError):
    """Final: nothing was stored. Branch on *code* (docs/protocol.md lists them), never on the text."""

    def __init__(self, code: str, detail: str = "", status: int | None = None) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.status = status


class Unavailable(ClientError):
    """The outcome is unknown, or it was put off. The same request, with the same id, may be made again."""

    def __init__(self, code: str, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s


class Stopped(ClientError):
    """The service closed the socket for good: *code* is the close code, or the HTTP status of a refused handshake."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{reason or 'closed'} ({code})")
        self.code = code
        self.reason = reason


class PositionLost(ClientError):
    """What was shown of this log counts no longer."""


class StoreFailed(ClientError):
    """What was to be kept is not on the disk, and did not go out."""


class OutboxLocked(ClientError):
    """One process drains an outbox at a time."""


class Closed(ClientError):
    """What was not acknowledged stays in the outbox, if that is on disk."""
