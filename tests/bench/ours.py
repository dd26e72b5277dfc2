"""Ringpost, spoken to as `docs/protocol.md` says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from deploy.swarm.http import Answer, make_request
from tests.bench.dialect import Ack, Acks, Event, Events, Heard, Opened, Ready, Refusal
from tests.bench.failure import Failed
from tests.bench.ledger import InOrder
from tests.gateways import ADMIN_KEY, token


class _Ack(msgspec.Struct):
    conversation: str
    id: str
    seq: int


class _Event(msgspec.Struct):
    seq: int
    id: str


class _Range(msgspec.Struct):
    conversation: str
    to: int
    events: list[_Event] = []


class _Frame(msgspec.Struct):
    type: str
    conversation: str = ""
    code: str = ""
    roles: list[str] = []
    ranges: list[_Range] = []
    acks: list[_Ack] = []
    events: list[_Event] = []


class _Page(msgspec.Struct):
    events: list[_Event]


class _Inbox(msgspec.Struct):
    to: int


class _Poll(msgspec.Struct):
    epoch: str
    inbox: _Inbox | None
    conversations: list[_Range]


_frame = msgspec.json.Decoder(_Frame).decode
_ack = msgspec.json.Decoder(_Ack).decode
_page = msgspec.json.Decoder(_Page).decode
_poll = msgspec.json.Decoder(_Poll).decode
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a client that polls has."""

    epoch: str | None = None
    inbox: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)


class Ringpost:
    """The dialect of Ringpost, and its long poll."""

    socket_path = "/v1/socket"

    def token(self, user: str) -> str:
        return token(user)

    def create(self, id: str, members: Sequence[str]) -> bytes | None:
        body = {"id": id, "owner": members[0], "members": members[1:]}
        return make_request("POST", "/v1/conversations", ADMIN_KEY, encode(body))

    def created(self, answer: Answer) -> str:
        if answer.status != 201:
            raise Failed(f"a conversation was not created: {answer.status} {answer.body[:200]!r}")
        return _ack(answer.body).conversation

    def hello(self, user: str, conversations: Sequence[str]) -> bytes:
        return encode({"type": "hello", "token": token(user)})

    def send(self, conversation: str, id: str, text: bytes) -> bytes:
        return b'{"type":"send","conversation":"%b","id":"%b","text":%b}' % (conversation.encode(), id.encode(), text)

    def hear(self, payload: bytes) -> Heard:
        frame = _frame(payload)
        if frame.type == "acks":
            return Acks([Ack(ack.conversation, ack.id, ack.seq) for ack in frame.acks])
        if frame.type == "events":
            return Events(frame.conversation, _pairs(frame.events))
        if frame.type == "welcome":
            return Opened({r.conversation: r.to for r in frame.ranges}, is_ready="read" not in frame.roles)
        if frame.type == "caught_up":
            return Ready()
        return Refusal(frame.code) if frame.type == "error" else None

    def post(self, token: str, conversation: str, id: str, text: bytes) -> bytes:
        path = f"/v1/conversations/{conversation}/messages"
        return make_request("POST", path, token, b'{"id":"%b","text":%b}' % (id.encode(), text))

    def posted(self, answer: Answer, conversation: str, id: str) -> Ack | Refusal:
        if answer.status != 201:
            return Refusal(f"{answer.status} {answer.body[:200]!r}")
        ack = _ack(answer.body)
        return Ack(ack.conversation, ack.id, ack.seq)

    def get(self, token: str, conversation: str, after: int) -> bytes:
        return make_request("GET", f"/v1/conversations/{conversation}/events?after={after}", token)

    def got(self, answer: Answer, conversation: str) -> Sequence[Events] | Refusal:
        if answer.status != 200:
            return Refusal(f"{answer.status} {answer.body[:200]!r}")
        events = _page(answer.body).events
        return [Events(conversation, _pairs(events))] if events else []

    def poll(self, token: str, cursor: Cursor, wait_s: float) -> bytes:
        """Return the request that waits for what comes after *cursor*."""
        about = {"inbox": cursor.inbox, "positions": cursor.positions, "wait_s": wait_s}
        return make_request("POST", "/v1/poll", token, encode(about | ({"epoch": cursor.epoch} if cursor.epoch else {})))

    def polled(self, answer: Answer, cursor: Cursor) -> tuple[Cursor, Sequence[Events]] | Refusal:
        """Return the next cursor, and what came."""
        if answer.status != 200:
            return Refusal(f"{answer.status} {answer.body[:200]!r}")
        poll = _poll(answer.body)
        positions = dict(cursor.positions) | {log.conversation: log.to for log in poll.conversations}
        following = Cursor(poll.epoch, poll.inbox.to if poll.inbox else cursor.inbox, positions)
        return following, [Events(log.conversation, _pairs(log.events)) for log in poll.conversations]

    def copy(self, positions: Mapping[str, int]) -> InOrder:
        return InOrder(positions)


def _pairs(events: Sequence[_Event]) -> list[Event]:
    return [(event.seq, event.id) for event in events]
