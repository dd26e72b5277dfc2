"""Which pages may call: the origins of RFC 6454, matched exactly."""

from collections.abc import Iterable
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """The origins that may call. A request without an origin is no page's, and may."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Raises ValueError where one of *allowed* is no origin (a URL's path is left out)."""
        self._allowed = frozenset(map(serialize, allowed))

    def __repr__(self) -> str:
        return f"Origins({', '.join(sorted(self._allowed))})"

    def is_allowed(self, origin: str | None) -> bool:
        return origin is None or origin in self._allowed


def default_origins(*urls: str) -> list[str]:
    """Return the origins of *urls*; one on this machine is allowed as localhost and as 127.0.0.1."""
    origins: list[str] = []
    for url in urls:
        origin = serialize(url)
        host = urlsplit(origin).hostname
        origins += [origin.replace(f"//{host}", f"//{name}") for name in _LOOPBACK] if host in _LOOPBACK else [origin]
    return origins


def parse_origins(text: str) -> list[str]:
    """Return the origins that *text* lists, separated by commas; raise ValueError where it lists something else."""
    return [serialize(part.strip()) for part in text.split(",") if part.strip()]


def serialize(url: str) -> str:
    """Return the origin of *url* as a browser writes it: lower case, the scheme's own port left out."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError("an origin is http:// or https://, a host and perhaps a port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
