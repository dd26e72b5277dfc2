"""The HTTP calls of docs/protocol.md, over one pooled httpx client."""

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import httpx

from ringpost_client.closing import is_passing
from ringpost_client.errors import Refused, Unavailable

_KEEP_ALIVE = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))


class Api:
    """Both services, from one address. Each call raises Refused (final) or Unavailable (may be made again)."""

    def __init__(self, read_url: str, write_url: str, local_address: str | None = None, timeout_s: float = 20.0) -> None:
        self._read, self._write = read_url.rstrip("/"), write_url.rstrip("/")
        is_secure = self._read.startswith("https:") or self._write.startswith("https:")
        transport = httpx.AsyncHTTPTransport(
            # A context of one's own for each client that needs none would cost 20 ms each.
            verify=ssl.create_default_context() if is_secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            local_address=local_address,
            socket_options=_KEEP_ALIVE,
        )
        self._http = httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(timeout_s, connect=5.0))

    async def close(self) -> None:
        await self._http.aclose()

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

    async def post(self, token: str, conversation: str, id: str, text: str) -> dict[str, Any]:
        """Send a message; the answer has seq and time. `status` in it is 200 where the id was known."""
        url = f"{self._write}/v1/conversations/{conversation}/messages"
        return await self._call("POST", url, token, {"id": id, "text": text})

    async def conversations(self, token: str, after: str | None = None) -> dict[str, Any]:
        """Return a page of my conversations; `next` in it is the *after* of the next one."""
        return await self._call("GET", f"{self._read}/v1/conversations", token, params={"limit": 1000} | _given(after=after))

    async def events(
        self, token: str, conversation: str, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> dict[str, Any]:
        """Return a page of a conversation's history."""
        url = f"{self._read}/v1/conversations/{conversation}/events"
        return await self._call("GET", url, token, params={"limit": limit} | _given(after=after, before=before))

    async def _call(
        self, method: str, url: str, token: str | None, body: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        try:
            answer = await self._http.request(method, url, headers=headers, json=body, params=params)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            why = str(error) or type(error).__name__
            raise Unavailable("unreachable", f"{httpx.URL(url).netloc.decode()}: {why}") from error
        fields = _fields(answer)
        if answer.status_code >= 400:
            raise _refusal(answer, fields)
        return fields | {"status": answer.status_code}


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
