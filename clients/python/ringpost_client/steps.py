"""What a connection wants done, beside what its lines and sessions want."""

from dataclasses import dataclass

from ringpost_client.line import Output
from ringpost_client.transport import Transport


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a line by *via* and tell how that went: `opened`, `failed`, `refused` or `blocked`."""

    line: int
    via: Transport = Transport.WS


@dataclass(frozen=True, slots=True)
class Close:
    """Say goodbye and let go of this line, opened or not; nothing of it is to be told any more."""

    line: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask by plain HTTP whether the service can serve, and tell: `probed`."""


@dataclass(frozen=True, slots=True)
class ForgetToken:
    """The token has expired: the next line wants another one."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The service says not to come back: *code* is the close code, or the HTTP status of a refused handshake."""

    code: int
    reason: str


Step = Connect | Close | Probe | ForgetToken | Stop | Output
