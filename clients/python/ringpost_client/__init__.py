"""The Python client of Ringpost: asyncio, typed, never loses a send and shows nothing twice."""

from ringpost_client.api import Api
from ringpost_client.client import Client, Via
from ringpost_client.errors import ClientError, Closed, OutboxLocked, Refused, Stopped, Unavailable
from ringpost_client.events import Ack, Event, State
from ringpost_client.journal import Fsync
from ringpost_client.options import Options
from ringpost_client.outbox import Pending
from ringpost_client.positions import Positions
from ringpost_client.transport import AUTO, Transport

__all__ = [
    "AUTO",
    "Ack",
    "Api",
    "Client",
    "ClientError",
    "Closed",
    "Event",
    "Fsync",
    "Options",
    "OutboxLocked",
    "Pending",
    "Positions",
    "Refused",
    "State",
    "Stopped",
    "Transport",
    "Unavailable",
    "Via",
]
