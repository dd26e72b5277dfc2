"""The tutorial's chat (`peers/fastapi_chat.py`), spoken to."""

from collections.abc import Mapping, Sequence

import msgspec

from deploy.swarm.http import Answer, make_request
from tests.bench.dialect import Ack, Acks, Events, Heard, Opened, Refusal
from tests.bench.failure import Failed
from tests.bench.ledger import AnyOrder
from tests.gateways import token


class _Message(msgspec.Struct):
    """What it publishes and answers; an acknowledgement and the welcome have a type, too."""

    type: str = "message"
    conversation: str = ""
    id: str = ""
    seq: int = 0


_message = msgspec.json.Decoder(_Message).decode
_messages = msgspec.json.Decoder(list[_Message]).decode
_encode = msgspec.json.Encoder().encode


class Tutorial:
    """Its seqs are one sequence for all conversations, and it promises no order: each is checked to come once."""

    socket_path = "/ws"

    def token(self, user: str) -> str:
        return token(user)

    def create(self, id: str, members: Sequence[str]) -> None:
        return None

    def created(self, answer: Answer) -> str:
        raise Failed("the tutorial's chat creates no conversations")

    def hello(self, user: str, conversations: Sequence[str]) -> bytes:
        return _encode({"token": token(user), "conversations": conversations})

    def send(self, conversation: str, id: str, text: bytes) -> bytes:
        return b'{"conversation":"%b","id":"%b","text":%b}' % (conversation.encode(), id.encode(), text)

    def hear(self, payload: bytes) -> Heard:
        message = _message(payload)
        if message.type == "message":
            return _events(message)
        if message.type == "ack":
            return Acks([Ack(message.conversation, message.id, message.seq)])
        return Opened({}, is_ready=True)

    def post(self, token: str, conversation: str, id: str, text: bytes) -> bytes:
        path = f"/conversations/{conversation}/messages"
        return make_request("POST", path, token, b'{"id":"%b","text":%b}' % (id.encode(), text))

    def posted(self, answer: Answer, conversation: str, id: str) -> Ack | Refusal:
        if answer.status != 201:
            return Refusal(f"{answer.status} {answer.body[:200]!r}")
        message = _message(answer.body)
        return Ack(message.conversation, message.id, message.seq)

    def get(self, token: str, conversation: str, after: int) -> bytes:
        return make_request("GET", f"/conversations/{conversation}/messages?after={after}", token)

    def got(self, answer: Answer, conversation: str) -> Sequence[Events] | Refusal:
        if answer.status != 200:
            return Refusal(f"{answer.status} {answer.body[:200]!r}")
        return [_events(message) for message in _messages(answer.body)]

    def copy(self, positions: Mapping[str, int]) -> AnyOrder:
        return AnyOrder()


def _events(message: _Message) -> Events:
    return Events(message.conversation, [(message.seq, message.id)])
