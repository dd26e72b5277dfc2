"""Server-sent events: what a read socket gets, as the answer to a POST that does not end.

Each frame is one event, written at once and straight to the connection: no queue, no timer, and no task but the request's,
which waits for the client to go.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.read.channel import Push
from services.read.hub import Hub, Served
from services.read.reading import Reading
from shared import frames
from shared.auth import Identity
from shared.close_codes import CloseCode, is_retryable
from shared.errors import Draining
from shared.storage.history import History
from shared.web.http_protocol import Outlet
from shared.websocket.socket import EXPIRY_NOTICE_S, SocketPolicy

HEARTBEAT = b":\n\n"
SWEEP_S = 1.0
RETRY_AFTER_S = 1.0


class _Typed(msgspec.Struct):
    type: str


_decode_type = msgspec.json.Decoder(_Typed).decode


class Stream(Reading):
    """One client's stream. What is written before its beginning or after its end goes nowhere."""

    __slots__ = ("_beat_at", "_is_told", "_outlet", "_policy", "ended_by", "identity", "is_open")

    def __init__(self, identity: Identity, outlet: Outlet, policy: SocketPolicy, hub: Hub, history: History) -> None:
        super().__init__(hub, history)
        self.identity: Identity = identity
        self._outlet, self._policy, self._beat_at = outlet, policy, 0.0
        self.is_open = self._is_told = False
        self.ended_by: CloseCode | None = None

    def begin(self, now: float) -> None:
        """The head of the answer is written: events may follow."""
        self.is_open, self._beat_at = True, now

    @property
    def user(self) -> str:
        return self.identity.user

    def send(self, payload: bytes) -> None:
        self._write_out(b"event: %b\ndata: %b\n\n" % (_decode_type(payload).type.encode(), payload))

    def write(self, served: Served, frame: bytes, push: Push) -> None:
        kind, log = (b"inbox", b"inbox") if served.is_inbox else (b"events", str(served.log).encode())
        self._write_out(b"event: %b\nid: %b:%d\ndata: %b\n\n" % (kind, log, push.last, push.frame))

    def offer(self, frame: bytes) -> None:
        if self._can_write and not self._outlet.get_write_buffer_size():
            self.send(frame)

    async def drained(self) -> None:
        await self._outlet.drain()

    def end(self, code: CloseCode, reason: str) -> None:
        is_to_return = is_retryable(code)
        about = {"code": code.name.lower(), "detail": reason, "retryable": is_to_return}
        self._end(code, about | ({"retry_after": RETRY_AFTER_S} if is_to_return else {}))

    def dismiss(self, reconnect: Mapping[str, float]) -> None:
        """This gateway stops now: come back, as spread as *reconnect* says."""
        about = {"code": Draining.code, "detail": Draining.detail, "retryable": True, "retry_after": RETRY_AFTER_S}
        self._end(CloseCode.DRAINING, {**about, "reconnect": reconnect})

    def _end(self, code: CloseCode, about: Mapping[str, Any]) -> None:
        """Write the last event, and close the connection once it is read, or once nobody has read it for too long."""
        if self.ended_by is not None:
            return
        self.ended_by = code
        if self._can_write:
            self.send(frames.encode({"type": "end", **about}))
            self._outlet.write(b"0\r\n\r\n")
            self._outlet.close()
        self.is_open = False

    def enter(self, served: Served) -> None:
        served.followers.add(self)

    def withdraw(self, served: Served) -> None:
        served.followers.discard(self)

    def is_live(self, served: Served) -> bool:
        return self in served.followers

    def sweep(self, now: float, unix_now: float) -> None:
        """Give a sign of life where the next sweep's would be late; tell that the token ends, then end with it."""
        expires_at = self.identity.expires_at
        if unix_now >= expires_at:
            self.end(CloseCode.TOKEN_EXPIRED, "the token has expired")
        elif not self._is_told and unix_now >= expires_at - EXPIRY_NOTICE_S:
            self._is_told = True
            self.send(frames.encode({"type": "token_expiring", "expires_at": frames.moment(expires_at)}))
        if now + SWEEP_S > self._beat_at + self._policy.heartbeat_s:
            self._beat_at = now
            self._write_out(HEARTBEAT)

    @property
    def _can_write(self) -> bool:
        """Say no where the client has just gone too: its transport would raise, in the midst of others' frames."""
        return self.is_open and not self._outlet.is_closing()

    def _write_out(self, event: bytes) -> None:
        """Write an event as one chunk (RFC 9112 7.1); who leaves too much unread is cut."""
        if not self._can_write:
            return
        self._outlet.write(b"%x\r\n%b\r\n" % (len(event), event))
        if self._outlet.get_write_buffer_size() > self._policy.buffer_bytes:
            self.end(CloseCode.SLOW_CONSUMER, "you read too slowly")
