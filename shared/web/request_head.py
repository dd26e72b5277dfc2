"""Whether a request's line and headers may be served: what two parsers could read in two ways is refused."""

import re
from collections.abc import Sequence

from shared import limits
from shared.errors import NotFound, RingpostError
from shared.web.problems import BadRequest, HeadTooLarge, MethodNotAllowed

_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]+")

Headers = Sequence[tuple[bytes, bytes]]


def check_head(method: bytes, url: bytes, version: str, headers: Headers) -> RingpostError | None:
    """Return why the request must be refused, or None. The names of *headers* are in lower case."""
    if len(method) + len(url) + sum(len(name) + len(value) + 4 for name, value in headers) > limits.HEADER_BYTES:
        return HeadTooLarge()
    if method == b"CONNECT":
        return MethodNotAllowed()
    if version not in ("1.0", "1.1") or not url.isascii() or not url.startswith((b"/", b"http://", b"https://")):
        return BadRequest()
    return _check_host(version, headers) or _check_length(version, headers)


def check_upgrade(method: bytes, url: bytes, version: str, headers: Headers, socket_path: bytes) -> RingpostError | None:
    """Return why a WebSocket upgrade must be refused, or None. It has no body, and one path takes it."""
    if method != b"GET" or version != "1.1" or any(name in (b"content-length", b"transfer-encoding") for name, _ in headers):
        return BadRequest()
    path, has_query, _ = url.partition(b"?")
    if path != socket_path:
        return NotFound("There is no such path.")
    return BadRequest("A socket's URL has no query: a token goes into the hello.") if has_query else None


def _check_host(version: str, headers: Headers) -> BadRequest | None:
    hosts = [value for name, value in headers if name == b"host"]
    if (not hosts and version == "1.0") or (len(hosts) == 1 and _HOST.fullmatch(hosts[0])):
        return None
    return BadRequest("A request needs one Host.")


def _check_length(version: str, headers: Headers) -> BadRequest | None:
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1 or not all(value.isdigit() and len(value) < 16 for value in lengths):
        return BadRequest("A body's length must be said once.")
    if codings and (version == "1.0" or codings[0].lower() != b"chunked"):
        return BadRequest("A body comes whole or chunked.")
    return None
