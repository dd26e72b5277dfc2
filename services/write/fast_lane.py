"""The short way for the one request that comes all the time: a send by POST, as a well-behaved client words it.

It does what the route in `services/write/routes.py` does, with that route's own parts, and spares such a request the
framework's routing and dependencies, which cost more than everything else about it. Whatever is not exactly so goes on to the
route: another path or method, a query, a body in chunks, other headers.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import limits
from shared.auth import Authenticator, Identity
from shared.errors import RingpostError
from shared.web.problems import answer

_PATH = re.compile(r"/v1/conversations/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/messages")
_BEARER = b"Bearer "

Handler = Callable[[Identity, UUID, bytes], Awaitable[Response]]


class _Plain(NamedTuple):
    """What a request that can take the short way says before its body."""

    conversation: UUID
    token: str


class FastLane:
    """ASGI middleware in front of the application."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, handler: Handler) -> None:
        self._app, self._authenticator, self._handler = app, authenticator, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plain = _read_head(scope) if scope["type"] == "http" else None
        if plain is None:
            await self._app(scope, receive, send)
            return
        try:
            caller = self._authenticator.identify(plain.token, time.time())
            body = await _read_body(receive)
            if body is None:
                return
            response = await self._handler(caller, plain.conversation, body)
        except RingpostError as error:
            response = answer(error)
        await response(scope, receive, send)


def _read_head(scope: Scope) -> _Plain | None:
    if scope["method"] != "POST" or scope["query_string"] or (match := _PATH.fullmatch(scope["path"])) is None:
        return None
    authorizations, types = [], []
    is_sized = False
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorizations.append(value)
        elif name == b"content-type":
            types.append(value)
        elif name == b"content-length":
            is_sized = value.isdigit() and int(value) <= limits.POST_BODY_BYTES
    if not (types == [b"application/json"] and is_sized and len(authorizations) == 1 and authorizations[0].startswith(_BEARER)):
        return None
    return _Plain(UUID(match[1]), authorizations[0][len(_BEARER) :].decode("latin-1"))


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body; None if the client left before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return whole
    chunks = []
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()
    return None
