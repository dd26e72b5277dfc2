"""The Python client of Ringpost: asyncio, typed, never loses a send and shows nothing twice."""

from ringpost_client.api import Api
from ringpost_client.client import Client
from ringpost_client.conversation import Conversation
from ringpost_client.errors import (
    ClientError,
    Closed,
    OutboxLocked,
    PositionLost,
    Refused,
    Stopped,
    StoreFailed,
    Unavailable,
)
from ringpost_client.events import Ack, Event, State
from ringpost_client.message import Message, MessageState
from ringpost_client.notices import Online, Presence, ReadMarker, Receipt, Receipts, Typing
from ringpost_client.options import Options
from ringpost_client.pages import Listed, Member, Page, Progress
from ringpost_client.positions import Positions
from ringpost_client.store import Fsync
from ringpost_client.transport import AUTO, Transport
from ringpost_client.writing import Via

__all__ = [
    "AUTO",
    "Ack",
    "Api",
    "Client",
    "ClientError",
    "Closed",
    "Conversation",
    "Event",
    "Fsync",
    "Listed",
    "Member",
    "Message",
    "MessageState",
    "Online",
    "Options",
    "OutboxLocked",
    "Page",
    "PositionLost",
    "Positions",
    "Presence",
    "Progress",
    "ReadMarker",
    "Receipt",
    "Receipts",
    "Refused",
    "State",
    "Stopped",
    "StoreFailed",
    "Transport",
    "Typing",
    "Unavailable",
    "Via",
]
