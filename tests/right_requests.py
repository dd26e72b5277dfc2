"""Right requests, one for each route and kind of body, to be spoilt; and who makes them and judges what comes back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.contract import Contract
from tests.gateways import bearer
from tests.house import House
from tests.spoiling import CANARY

PROBLEM_BYTES = 4096
ONE = "/v1/conversations/{conversation}"


@dataclass(frozen=True, slots=True)
class Row:
    """A right request of alice's. *room* says in which of the prepared conversations, *model* what its body is."""

    at: str
    method: str
    path: str
    model: str = ""
    good: dict[str, Any] = field(default_factory=dict)
    query: str = ""
    room: str = "hers"

    def __str__(self) -> str:
        return f"{self.at}-{self.path.rpartition('/')[2]}-{self.model or 'query'}"


ID = {"id": str(uuid4())}
BODIES = [
    Row("write", "POST", "/v1/conversations", "ConversationBody", ID),
    Row("write", "POST", "/v1/direct", "DirectBody", ID | {"user": "bob"}),
    Row("write", "POST", f"{ONE}/messages", "SendBody", ID | {"text": "hello"}),
    Row("write", "POST", f"{ONE}/messages", "EditBody", ID | {"type": "edit", "seq": 2, "text": "hello!"}),
    Row("write", "POST", f"{ONE}/messages", "ReactBody", ID | {"type": "react", "seq": 2, "emoji": "x"}),
    Row("write", "POST", f"{ONE}/messages", "UnreactBody", ID | {"type": "unreact", "seq": 2, "emoji": "x"}),
    Row("write", "POST", f"{ONE}/messages", "DeleteBody", ID | {"type": "delete", "seq": 2}),
    Row("write", "POST", f"{ONE}/members", "MemberBody", ID | {"user": "erin"}),
    Row("write", "POST", f"{ONE}/invitations", "MemberBody", ID | {"user": "frank"}),
    Row("write", "POST", f"{ONE}/role", "RoleBody", ID | {"user": "bob", "role": "moderator"}),
    Row("write", "POST", f"{ONE}/remove", "RemovalBody", ID | {"user": "carol"}),
    Row("write", "POST", f"{ONE}/title", "TitleBody", ID | {"title": "Tea"}),
    Row("write", "POST", f"{ONE}/topic", "TopicBody", ID | {"topic": "Leaves"}),
    Row("write", "POST", f"{ONE}/join", "OwnBody", ID, room="open"),
    Row("write", "POST", f"{ONE}/leave", "OwnBody", ID, room="bob's"),
    Row("read", "POST", f"{ONE}/read", "MarkBody", {"seq": 1}),
    Row("read", "POST", "/v1/poll", "PollBody", {"wait_s": 0}),
    Row("read", "POST", "/v1/stream", "CursorBody", {"inbox": 0}),
    Row("write", "POST", "/v1/dev/token", "TokenRequest", {"user": "bob"}),
    Row("read", "POST", "/v1/dev/token", "TokenRequest", {"user": "bob"}),
]
QUERIES = [
    Row("read", "GET", "/v1/conversations", query="limit=2"),
    Row("read", "GET", f"{ONE}/events", query="after=0&limit=2"),
    Row("read", "GET", f"{ONE}/history", query="before=3&limit=2"),
    Row("read", "GET", f"{ONE}/members", query="after=alice&limit=2"),
    Row("read", "GET", f"{ONE}/receipts", query="seq=1"),
]
ROWS = [*BODIES, *QUERIES]
IN_ONE = [row for row in ROWS if "{conversation}" in row.path]
PROTECTED = [row for row in ROWS if row.model != "TokenRequest"]


@dataclass(frozen=True, slots=True)
class Place:
    """The gateways, what they declare, and the prepared conversations."""

    house: House
    http: httpx.AsyncClient
    documents: Mapping[str, dict[str, Any]]
    contracts: Mapping[str, Contract]
    rooms: Mapping[str, str]

    async def ask(
        self,
        row: Row,
        *,
        raw: Any = None,
        query: str | None = None,
        room: str | None = None,
        headers: Mapping[str, str] | None = None,
        types: Sequence[str] = ("application/json",),
    ) -> httpx.Response:
        """Ask as *row* does, but for what is named."""
        process = self.house.write if row.at == "write" else self.house.read
        path = row.path.replace("{conversation}", room or self.rooms[row.room])
        asked = row.query if query is None else query
        media = [("Content-Type", kind) for kind in types if row.model]
        request = self.http.build_request(
            row.method,
            f"{process.url}{path}?{asked}" if asked else f"{process.url}{path}",
            headers=[*(bearer("alice") if headers is None else headers).items(), *media],
            content=(_write_anew(row.good) if raw is None else raw) if row.model else None,
        )
        answer = await self.http.send(request, stream=True)
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
        await answer.aclose()  # an event stream has no end of its own
        return answer

    def defined(self, row: Row) -> dict[str, Any]:
        """Return the schemas that those of *row* refer to."""
        schemas: dict[str, Any] = self.documents[row.at]["components"]["schemas"]
        return schemas

    def judge(self, row: Row, answer: httpx.Response, code: str) -> list[str]:
        """Return what is wrong with the refusal *answer*, which should have this *code*."""
        contract = self.contracts[row.at]
        told = contract.judge(row.method, row.path, answer.status_code, answer.headers, answer.text)
        problem = answer.json() if answer.status_code >= 400 else {}
        if problem.get("code") != code:
            told.append(f"it is {answer.status_code} {answer.text[:200]}, and not {code}")
        if problem.get("retryable"):
            told.append("it says that a retry may help")
        if len(answer.content) > PROBLEM_BYTES:
            told.append(f"it has {len(answer.content)} bytes")
        if CANARY in f"{answer.text} {answer.headers}":
            told.append("it repeats what came")
        return told


def _write_anew(good: dict[str, Any]) -> str:
    """Return the body with an id that was never used."""
    return json.dumps(good | ({"id": str(uuid4())} if "id" in good else {}))
