"""Asks the process of this container whether it is ready: `python -m deploy.health` ends with status 0 if it is.

Where it listens it knows as the process does: RINGPOST_ADMIN_PORT of a router, RINGPOST_PORT of a gateway. It imports little,
since every container runs it every few seconds.
"""

import os
import socket
import sys

TIMEOUT_S = 4.0
MOST_BYTES = 8192


def main() -> int:
    host, port = _place()
    try:
        answer = _ask(host, port)
    except OSError as error:
        _say(f"{host}:{port}: {error}")
        return 1
    head, _, body = answer.partition(b"\r\n\r\n")
    _say(f"{head[9:12].decode('ascii', 'replace')} {body.decode('ascii', 'backslashreplace')}")
    return 0 if head.startswith(b"HTTP/1.1 200 ") else 1


def _place() -> tuple[str, int]:
    port = os.environ.get("RINGPOST_ADMIN_PORT")
    host = os.environ.get("RINGPOST_ADMIN_HOST" if port else "RINGPOST_HOST", "127.0.0.1")
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
    return everywhere.get(host, host), int(port or os.environ.get("RINGPOST_PORT", "0"))


def _ask(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), TIMEOUT_S) as sock:
        sock.sendall(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while len(answer) < MOST_BYTES and (part := sock.recv(MOST_BYTES)):
            answer += part
        return answer


def _say(words: str) -> None:
    """Docker keeps what is said here (`docker inspect`)."""
    print(words)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
