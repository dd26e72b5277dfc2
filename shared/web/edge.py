"""The outermost layer of a gateway's HTTP: which pages may call, what every answer carries, and what becomes of a bug."""

from collections import Counter
from collections.abc import Sequence
from urllib.parse import parse_qsl

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Forbidden, Invalid, RingpostError
from shared.web.origins import Origins
from shared.web.problems import Internal, answer

logger = structlog.get_logger(__name__)

Headers = list[tuple[bytes, bytes]]
_PREFLIGHT_HEADERS = {
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "Authorization, Content-Type",
    "access-control-max-age": "600",
}


class Edge:
    """ASGI middleware: refuses foreign pages, adds CORS (without credentials), and turns an exception into one 500."""

    def __init__(self, app: ASGIApp, origins: Origins, answers: Counter[int]) -> None:
        """*answers* counts them by status."""
        self._app = app
        self._origins = origins
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        sender = _Sender(send, self._headers_for(given), self._answers)
        early = self._answer_early(scope, given)
        await _run(early or self._app, scope, receive, sender)

    def _headers_for(self, given: Sequence[str]) -> Headers:
        headers = [(b"x-content-type-options", b"nosniff")]
        if given:
            headers.append((b"vary", b"Origin"))
        if given and self._may_call(given):
            headers.append((b"access-control-allow-origin", given[0].encode("latin-1")))
            headers.append((b"access-control-expose-headers", b"Retry-After"))
        return headers

    def _may_call(self, given: Sequence[str]) -> bool:
        return len(given) < 2 and all(map(self._origins.is_allowed, given))

    def _answer_early(self, scope: Scope, given: Sequence[str]) -> Response | None:
        if not self._may_call(given):
            return answer(Forbidden("Pages of this origin may not call."))
        if given and scope["method"] == "OPTIONS" and _asks_first(scope):
            return Response(status_code=204, headers=_PREFLIGHT_HEADERS)
        if scope["query_string"] and (repeated := _find_repeated(scope["query_string"])):
            return answer(repeated)
        return None


class _Sender:
    """An ASGI send that adds *headers* to the answer, and knows whether it has begun."""

    def __init__(self, send: Send, headers: Headers, answers: Counter[int]) -> None:
        self._send = send
        self._headers = headers
        self._answers = answers
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self._answers[message["status"]] += 1
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)


async def _run(app: ASGIApp, scope: Scope, receive: Receive, sender: _Sender) -> None:
    """Run *app*; after an exception nothing is left on the connection that could be taken for another answer."""
    try:
        await app(scope, receive, sender)
    except ClientDisconnect:
        return  # nobody is left to answer
    except Exception:  # the one place that may: whatever else goes wrong is told as `internal`, once
        logger.exception("a request failed", method=scope["method"], path=scope["path"])
        if not sender.has_begun:
            await answer(Internal(), {"connection": "close"})(scope, receive, sender)


def _asks_first(scope: Scope) -> bool:
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _find_repeated(query: bytes) -> RingpostError | None:
    try:
        names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=50)]
    except ValueError:
        return Invalid("There are too many parameters.")
    return Invalid("A parameter is repeated.") if len(set(names)) < len(names) else None
