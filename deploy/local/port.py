"""Ports of this machine."""

import errno
import os
import random
import socket

from deploy.local.errors import LocalError

# Below what Linux and macOS hand to outgoing connections, so that none of those sits on it while a server restarts.
_FIRST, _LAST = 20_000, 32_000


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at now."""
    for _ in range(1_000):
        port = random.randrange(_FIRST, _LAST)  # noqa: S311  # not a secret
        if _fault("127.0.0.1", port) is None:
            return port
    raise LocalError(f"No port of 127.0.0.1 between {_FIRST} and {_LAST} is free.")


def check_port(host: str, port: int, mend: str) -> None:
    """Raise LocalError, whose text ends in *mend*, where *port* can't be listened at."""
    fault = _fault(host, port)
    if fault == errno.EADDRINUSE:
        raise LocalError(f"Port {port} is taken by another program: {mend}.")
    if fault is not None:
        raise LocalError(f"Port {port} of {host} can't be opened ({os.strerror(fault)}): {mend}.")


def _fault(host: str, port: int) -> int | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EINVAL
    return None


def is_listening(port: int) -> bool:
    """Say whether a connection to *port* of 127.0.0.1 is taken at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
