"""How a chat system is spoken to: what to write, and what that which comes back means. Bytes and values, no socket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deploy.swarm.http import Answer
from tests.bench.ledger import Copy

Event = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """The socket was taken. *positions*: where the live events of each conversation go on."""

    positions: Mapping[str, int]
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything from before has come; from here on all is live."""


@dataclass(frozen=True, slots=True)
class Ack:
    conversation: str
    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Acks:
    acks: Sequence[Ack]


@dataclass(frozen=True, slots=True)
class Events:
    """Some events of a conversation, each its (seq, id)."""

    conversation: str
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The system did not do what it was asked for."""

    words: str


Heard = Opened | Ready | Acks | Events | Refusal | None


class Dialect(Protocol):
    """Texts come as JSON strings. HTTP requests are whole; frames of a socket are their payloads."""

    socket_path: str

    def token(self, user: str) -> str:
        """Return what shows that one is *user*."""

    def create(self, id: str, members: Sequence[str]) -> bytes | None:
        """Return the request that creates a conversation of *members*; None where none needs to be created."""

    def created(self, answer: Answer) -> str:
        """Return the id of the conversation that was created; raise Failed if it was not."""

    def hello(self, user: str, conversations: Sequence[str]) -> bytes:
        """Return the first frame, by which *user* follows *conversations*."""

    def send(self, conversation: str, id: str, text: bytes) -> bytes:
        """Return the frame that sends a message."""

    def hear(self, payload: bytes) -> Heard:
        """Return what a frame means; None if it means nothing here."""

    def post(self, token: str, conversation: str, id: str, text: bytes) -> bytes:
        """Return the request that sends a message."""

    def posted(self, answer: Answer, conversation: str, id: str) -> Ack | Refusal:
        """Return what the answer to a `post` means."""

    def get(self, token: str, conversation: str, after: int) -> bytes:
        """Return the request for what comes after the seq *after*."""

    def got(self, answer: Answer, conversation: str) -> Sequence[Events] | Refusal:
        """Return what the answer to a `get` brings, in order."""

    def copy(self, positions: Mapping[str, int]) -> Copy:
        """Return the copy of a receiver who starts at *positions*: it knows what receivers are promised."""
