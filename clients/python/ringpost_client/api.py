"""The HTTP calls of docs/protocol.md, over one pooled httpx client."""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx

from ringpost_client.closing import is_passing
from ringpost_client.errors import Refused, Unavailable

_KEEP_ALIVE = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
CONNECT_S, READY_S = 5.0, 5.0
_ENDLESS = httpx.Timeout(None, connect=CONNECT_S, pool=CONNECT_S)

Service = Literal["read", "write"]


class Api:
    """Both services, from one address. Each call raises Refused (final) or Unavailable (may be made again)."""

    def __init__(self, read_url: str, write_url: str, local_address: str | None = None, timeout_s: float = 20.0) -> None:
        self._read, self._write = read_url.rstrip("/"), write_url.rstrip("/")
        is_secure = self._read.startswith("https:") or self._write.startswith("https:")
        transport = _Transport(
            # A context of one's own for each client that needs none would cost 20 ms each.
            verify=ssl.create_default_context() if is_secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            local_address=local_address,
            socket_options=_KEEP_ALIVE,
        )
        self._http = httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(timeout_s, connect=CONNECT_S))

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        service: Service,
        path: str,
        token: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Make any call of docs/protocol.md."""
        url = (self._read if service == "read" else self._write) + path
        return await self._call(method, url, token, body, params)

    async def config(self) -> dict[str, Any]:
        return await self._call("GET", f"{self._read}/config", None)

    async def dev_token(self, user: str) -> str:
        """Return a development token, where the operator switched them on."""
        return str((await self._call("POST", f"{self._read}/v1/dev/token", None, {"user": user}))["token"])

    async def create(
        self, token: str, id: str, *, title: str | None = None, members: Sequence[str] = (), owner: str | None = None
    ) -> str:
        """Create a conversation and return its id. *owner* is for the admin key alone."""
        body: dict[str, Any] = {"id": id, "members": list(members)}
        if title is not None:
            body["title"] = title
        if owner is not None:
            body["owner"] = owner
        return str((await self._call("POST", f"{self._write}/v1/conversations", token, body))["conversation"])

    async def add_member(self, token: str, conversation: str, id: str, user: str, role: str = "member") -> dict[str, Any]:
        body = {"id": id, "user": user, "role": role}
        return await self._call("POST", f"{self._write}/v1/conversations/{conversation}/members", token, body)

    async def post(self, token: str, conversation: str, id: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message, or what is about one; the answer has seq and time. `status` in it is 200 where the id was known."""
        url = f"{self._write}/v1/conversations/{conversation}/messages"
        said = {name: value for name, value in change.items() if (name, value) != ("type", "send")}
        return await self._call("POST", url, token, {"id": id, **said})

    async def post_all(self, token: str, conversation: str, changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send several, in their order; return what became of each, with its `status`."""
        url = f"{self._write}/v1/conversations/{conversation}/messages"
        answers = (await self._fetch("POST", url, token, changes)).json()
        if not isinstance(answers, list) or len(answers) != len(changes):
            raise Unavailable("no_json", "the answer is not of Ringpost")
        return answers

    async def conversations(self, token: str, after: str | None = None) -> dict[str, Any]:
        """Return a page of my conversations; `next` in it is the *after* of the next one."""
        return await self._call("GET", f"{self._read}/v1/conversations", token, params={"limit": 1000} | _given(after=after))

    async def events(
        self, token: str, conversation: str, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> dict[str, Any]:
        """Return a page of a conversation's history."""
        url = f"{self._read}/v1/conversations/{conversation}/events"
        return await self._call("GET", url, token, params={"limit": limit} | _given(after=after, before=before))

    async def is_ready(self, service: Service) -> bool:
        """Ask *service* whether it can serve; no answer is no."""
        url = self._read if service == "read" else self._write
        try:
            answer = await self._call("GET", f"{url}/ready", None, timeout_s=READY_S)
        except (Refused, Unavailable):
            return False
        return answer.get("ready") is True

    async def poll(self, token: str, body: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Return what comes after a cursor, or nothing after *body*'s `wait_s`; *timeout_s* is longer."""
        return await self._call("POST", f"{self._read}/v1/poll", token, body, timeout_s=timeout_s)

    @asynccontextmanager
    async def stream(self, token: str, cursor: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an event stream after *cursor*; yield its bytes as they come. Who reads it must bound the wait."""
        url = f"{self._read}/v1/stream"
        request = self._http.build_request("POST", url, headers=_bearer(token), json=cursor, timeout=_ENDLESS)
        with _reaching(url):
            answer = await self._http.send(request, stream=True)
            try:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise _refusal(answer, _fields(answer))
                yield answer.aiter_bytes()
            finally:
                await answer.aclose()

    async def _call(
        self,
        method: str,
        url: str,
        token: str | None,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        answer = await self._fetch(method, url, token, body, params, timeout_s)
        return _fields(answer) | {"status": answer.status_code}

    async def _fetch(
        self,
        method: str,
        url: str,
        token: str | None,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> httpx.Response:
        """Return an answer that is no refusal, whole and JSON."""
        timeout = self._http.timeout if timeout_s is None else httpx.Timeout(timeout_s, connect=CONNECT_S)
        with _reaching(url):
            answer = await self._http.request(method, url, headers=_bearer(token), json=body, params=params, timeout=timeout)
        fields = _fields(answer)
        if answer.status_code >= 400:
            raise _refusal(answer, fields)
        return answer


class _Transport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            # httpcore sets options of a socket that is None where the peer has reset it by then (its anyio backend, on uvloop).
            raise httpx.ConnectError("reset as soon as it was opened", request=request) from error


@contextlib.contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Turn what httpx says of a way that leads nowhere into Unavailable."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        why = str(error) or type(error).__name__
        raise Unavailable("unreachable", f"{httpx.URL(url).netloc.decode()}: {why}") from error


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token is not None else {}


def _given(**params: object) -> dict[str, object]:
    return {name: value for name, value in params.items() if value is not None}


def _fields(answer: httpx.Response) -> dict[str, Any]:
    try:
        fields = answer.json()
    except ValueError:
        if answer.status_code < 400:
            raise Unavailable("no_json", "the answer was cut off, or is not of Ringpost") from None
        return {}
    return fields if isinstance(fields, dict) else {}


def _refusal(answer: httpx.Response, fields: dict[str, Any]) -> Refused | Unavailable:
    """Return the error that a problem document means; one of another server, such as a proxy, is judged by its status."""
    status = answer.status_code
    code, detail = str(fields.get("code", f"http_{status}")), str(fields.get("detail", ""))
    # After a 5xx the outcome is unknown, whatever the document says of it.
    if status >= 500 or fields.get("retryable", is_passing(status)):
        retry_after = answer.headers.get("Retry-After", "")
        return Unavailable(code, detail, fields.get("retry_after", float(retry_after) if retry_after.isdecimal() else None))
    return Refused(code, detail, status)
