"""Asks the process of this container whether it is ready: `python -m deploy.health` (status 0: it is, 1: why not).

Where it listens it knows as the process does: RINGPOST_ADMIN_PORT of a router, RINGPOST_PORT of a gateway.
"""

import http.client
import os
import sys

TIMEOUT_S = 3.0
MOST_BYTES = 4096


def main() -> int:
    host, port = _place()
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        _say(f"{answer.status} {answer.read(MOST_BYTES).decode('ascii', 'backslashreplace')}")
    except (OSError, http.client.HTTPException) as error:
        _say(f"{host}:{port}: {error}")
        return 1
    return 0 if answer.status == http.HTTPStatus.OK else 1


def _place() -> tuple[str, int]:
    port = os.environ.get("RINGPOST_ADMIN_PORT")
    host = os.environ.get("RINGPOST_ADMIN_HOST" if port else "RINGPOST_HOST", "127.0.0.1")
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
    return everywhere.get(host, host), int(port or os.environ.get("RINGPOST_PORT", "0"))


def _say(words: str) -> None:
    """Docker keeps what is said here (`docker inspect`)."""
    print(words)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
