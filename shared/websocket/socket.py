"""What a socket goes through whatever its role: hello, tokens, pings, bad frames, silence, the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import structlog

from shared import frames, limits
from shared.auth import Authenticator, Identity
from shared.close_codes import CloseCode
from shared.errors import (
    Draining,
    Forbidden,
    Invalid,
    NotFound,
    RingpostError,
    TokenExpired,
    TooManySockets,
    Unauthenticated,
    Unavailable,
)
from shared.metrics import Histogram
from shared.web.origins import Origins
from shared.websocket.admissions import Admissions
from shared.websocket.tick import Tick

if TYPE_CHECKING:
    from shared.websocket.edge import Edge

log = structlog.get_logger("ringpost.websocket")
PATH = "/v1/socket"
CLOSE_TIMEOUT_S = 5.0
CONTROL_FRAMES_PER_S = 100
EXPIRY_NOTICE_S = 60.0
SILENT_HEARTBEATS = 2.5
HOLD_S, LONGEST_HOLD_S = 0.02, 10.0
REFUSALS = tuple(kind.code for kind in (Unauthenticated, TokenExpired, Forbidden, TooManySockets, Draining, Unavailable))


class Role(Protocol):
    """What a socket does: read and write are the two."""

    name: str
    takes: tuple[type, ...]

    async def open(self, socket: "Socket", hello: frames.Hello) -> Mapping[str, Any]:
        """Return the role's fields of the welcome; raise a RingpostError to refuse the socket."""

    def opened(self, socket: "Socket") -> None:
        """The welcome is sent."""

    def receive(self, socket: "Socket", frame: Any) -> None:
        """Handle a frame of one of the types that the role takes."""

    def closed(self, socket: "Socket") -> None:
        """The socket is gone; may come without `open` or `opened`, and twice."""


@dataclass(frozen=True, slots=True)
class SocketPolicy:
    """The numbers that bound a socket."""

    heartbeat_s: float
    hello_timeout_s: float
    max_sockets_per_user: int
    buffer_bytes: int


class Socket:
    """One client's socket, from the handshake on."""

    __slots__ = (
        "_bad_frames", "_closing_since", "_controls", "_early", "_heard_at", "_is_heard", "_is_held", "_is_told", "_sockets",
        "edge", "identity", "is_open",
    )  # fmt: skip

    def __init__(self, sockets: "Sockets", edge: "Edge", now: float) -> None:
        self._sockets, self.edge = sockets, edge
        self._heard_at, self._is_heard = now, False
        self._closing_since: float | None = None
        self._bad_frames = self._controls = 0
        self._is_told = self._is_held = False
        self._early: list[frames.Frame] | None = None
        self.identity: Identity | None = None
        self.is_open = False

    @property
    def user(self) -> str:
        assert self.identity is not None
        return self.identity.user

    def send(self, payload: bytes) -> None:
        """Send one JSON frame."""
        self.push(frames.wire(payload))

    def push(self, frame: bytes) -> None:
        """Write a finished frame; a client that leaves too much unread is cut, and resumes elsewhere."""
        edge = self.edge
        edge.write(frame)
        if edge.is_choked and edge.transport.get_write_buffer_size() > self._sockets.policy.buffer_bytes:
            self.close(CloseCode.SLOW_CONSUMER, "you read too slowly")

    def refuse(self, error: RingpostError, **about: Any) -> None:
        """Send an error frame; *about* names the send that it is about."""
        self.send(frames.error_frame(error, **about))

    def hold(self, least_s: float) -> None:
        """Read nothing more of a client that pours in what is refused, for *least_s* or longer.

        The more are held, the longer each of them is, so that all of them together take only a part of the gateway's time.
        """
        if not self._is_held:
            self._is_held = True
            self._sockets.held += 1
            self.edge.transport.pause_reading()
            hold_s = min(max(least_s, HOLD_S * self._sockets.held), LONGEST_HOLD_S)
            asyncio.get_running_loop().call_later(hold_s, self._let_go)

    def _let_go(self) -> None:
        self._is_held = False
        self._sockets.held -= 1
        if self in self._sockets:
            self.edge.transport.resume_reading()

    async def drained(self) -> None:
        await self.edge.drained()

    def close(self, code: int, reason: str = "") -> None:
        if self._closing_since is None:
            self._closing_since = self._sockets.now()
            self._sockets.closes[CloseCode(code).name.lower()] += 1
            self.edge.close(code, reason)

    # What the edge reports.

    def texts(self, texts: Sequence[bytes]) -> None:
        """Take messages that came together, each of valid UTF-8; those after the one that ends the socket go nowhere."""
        self._is_heard = True
        for text in texts:
            if self._closing_since is not None:
                return
            try:
                frame = frames.decode(text)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                self._complain(Invalid("The frame is not JSON as docs/protocol.md gives it."))
                continue
            if self._early is None:
                self._handle(frame)
            else:
                self._early.append(frame)

    def control(self) -> None:
        self._is_heard = True
        self._controls += 1
        if self._controls > CONTROL_FRAMES_PER_S:
            self.close(CloseCode.BAD_FRAMES, "too many pings")

    def closing(self) -> None:
        if self._closing_since is None:
            self._closing_since = self._sockets.now()

    def lost(self) -> None:
        self._sockets.forget(self)

    # Frames.

    def _handle(self, frame: frames.Frame) -> None:
        role = self._sockets.role_of(type(frame))
        if self.identity is None:
            self._greet(frame)
        elif role is not None:
            role.receive(self, frame)
        elif isinstance(frame, frames.Ping):
            self.send(b'{"type":"pong"}')
        elif isinstance(frame, frames.Token):
            self._renew(frame.token)
        else:
            self._complain(Invalid("This socket does not take a frame of this type."))

    def _complain(self, error: RingpostError) -> None:
        self._bad_frames += 1
        self.refuse(error)
        if self.identity is None and self._early is None:
            self.close(CloseCode.NO_HELLO, "the first frame must be a hello")
        elif self._bad_frames >= limits.BAD_FRAMES:
            self.close(CloseCode.BAD_FRAMES, "too many bad frames")

    def _greet(self, frame: frames.Frame) -> None:
        if not isinstance(frame, frames.Hello):
            self._complain(Unauthenticated("The first frame must be a hello."))
            return
        self._early = []
        try:
            self.identity = self._sockets.admit(frame.token)
        except RingpostError as error:
            self._end(error)
            return
        self.edge.transport.pause_reading()
        self._sockets.start(self._open(frame))

    async def _open(self, hello: frames.Hello) -> None:
        began = time.monotonic()
        self._sockets.admissions.began(began)
        try:
            await self._admit(hello)
        finally:
            ended = time.monotonic()
            self._sockets.admissions.ended(ended, is_welcome=self.is_open)
            if self.is_open:
                self._sockets.times.observe(ended - began)

    async def _admit(self, hello: frames.Hello) -> None:
        fields: dict[str, Any] = {}
        try:
            for role in self._sockets.roles:
                fields |= await role.open(self, hello)
        except RingpostError as error:
            self._end(error)
            return
        if self not in self._sockets:
            self._sockets.forget(self)
            return
        if self._closing_since is not None:
            return
        self.edge.limit(limits.FRAME_BYTES)
        self.send(frames.encode(self._sockets.welcome(self.identity) | fields))
        self.is_open = True
        early, self._early = self._early, None
        for role in self._sockets.roles:
            role.opened(self)
        for frame in early or ():
            if self._closing_since is None:
                self._handle(frame)
        self.edge.transport.resume_reading()

    def _end(self, error: RingpostError) -> None:
        self._sockets.refused[error.code] += 1
        about = {"reconnect": self._sockets.admissions.reconnect(len(self._sockets))} if isinstance(error, Draining) else {}
        self.refuse(error, **about)
        self.close(error.close_code, error.code)

    def _renew(self, token: str) -> None:
        try:
            identity = self._sockets.identify(token)
        except RingpostError as error:
            self._complain(error)
            return
        if identity.user != self.user:
            self._complain(Invalid("The token is another user's."))
            return
        self.identity, self._is_told = identity, False
        self.send(frames.encode({"type": "token", "expires_at": frames.moment(identity.expires_at)}))

    # Once a second.

    def sweep(self, now: float, unix_now: float) -> None:
        """End what has lasted too long; tell what is about to."""
        self._controls = 0
        policy = self._sockets.policy
        if self._is_heard or self._is_held:
            self._heard_at, self._is_heard = now, False
        if self._closing_since is not None:
            if now - self._closing_since > CLOSE_TIMEOUT_S:
                self.edge.abort()
        elif self.identity is None:
            if now - self._heard_at > policy.hello_timeout_s:
                self.close(CloseCode.NO_HELLO, "no hello")
        elif now - self._heard_at > SILENT_HEARTBEATS * policy.heartbeat_s:
            self.close(CloseCode.SILENT, "silent for too long")
        elif unix_now >= self.identity.expires_at:
            self.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
        elif not self._is_told and unix_now >= self.identity.expires_at - EXPIRY_NOTICE_S:
            self._is_told = True
            self.send(frames.encode({"type": "token_expiring", "expires_at": frames.moment(self.identity.expires_at)}))


class Sockets:
    """All sockets of a gateway."""

    def __init__(
        self,
        policy: SocketPolicy,
        roles: Sequence[Role],
        authenticator: Authenticator,
        origins: Origins,
        introduction: Mapping[str, Any],
    ) -> None:
        """*introduction* holds the welcome's fields that are alike for everybody: gateway, read, write."""
        self.policy, self.roles = policy, tuple(roles)
        self._authenticator, self._origins = authenticator, origins
        self._introduction = dict(introduction) | {"roles": [role.name for role in roles], "heartbeat_s": policy.heartbeat_s}
        self._by_frame = {kind: role for role in roles for kind in role.takes}
        self._all: set[Socket] = set()
        self._per_user: Counter[str] = Counter()
        self._is_draining = False
        self._stalled_s = 0.0
        self._tasks: asyncio.TaskGroup | None = None
        self.tick = Tick()
        self.admissions = Admissions()
        self.held = 0
        self.closes: Counter[str] = Counter(dict.fromkeys((code.name.lower() for code in CloseCode), 0))
        self.refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))
        self.times = Histogram("socket_welcome_seconds", "From a socket's hello to its welcome.")

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, socket: Socket) -> bool:
        return socket in self._all

    def __iter__(self) -> Iterator[Socket]:
        return iter(tuple(self._all))

    def now(self) -> float:
        """Return seconds that only rise, but for those in which this process was stopped or starved.

        What clients said meanwhile is not read yet, and they are not to be cut as if they had been silent.
        """
        return time.monotonic() - self._stalled_s

    @property
    def stalled_s(self) -> float:
        """For how long, in all, the loop was late for its sweeps."""
        return self._stalled_s

    def role_of(self, kind: type) -> Role | None:
        return self._by_frame.get(kind)

    def refusal(self, path: str, origins: Sequence[str]) -> RingpostError | None:
        """Say why a handshake is refused, if it is."""
        if path != PATH:
            return NotFound()
        if len(origins) > 1 or not self._origins.is_allowed(origins[0] if origins else None):
            return Forbidden("The page's origin is not allowed (RINGPOST_ORIGINS).")
        return None

    def accept(self, edge: "Edge") -> Socket:
        socket = Socket(self, edge, self.now())
        self._all.add(socket)
        return socket

    def identify(self, token: str) -> Identity:
        identity = self._authenticator.identify(token, time.time())
        if identity.is_admin:
            raise Unauthenticated("A socket is a user's: it takes a user's token.")
        return identity

    def admit(self, token: str) -> Identity:
        """Return who says hello, and count them in."""
        if self._is_draining:
            raise Draining
        identity = self.identify(token)
        self.count_in(identity.user)
        return identity

    def count_in(self, user: str) -> None:
        """Take one more socket of *user*, or what counts as one."""
        if self._is_draining:
            raise Draining
        if self._per_user[user] >= self.policy.max_sockets_per_user:
            raise TooManySockets
        self._per_user[user] += 1

    def count_out(self, user: str) -> None:
        self._per_user[user] -= 1
        if not self._per_user[user]:
            del self._per_user[user]

    def welcome(self, identity: Identity | None) -> dict[str, Any]:
        assert identity is not None
        about = {"user": identity.user, "expires_at": frames.moment(identity.expires_at)}
        reconnect = self.admissions.reconnect(len(self._all))
        return {"type": "welcome"} | about | self._introduction | {"reconnect": reconnect}

    def forget(self, socket: Socket) -> None:
        """Let go of a socket that is gone; told again, of what its roles have opened for it since."""
        if socket in self._all and socket.identity is not None:
            self.count_out(socket.user)
        self._all.discard(socket)
        for role in self.roles:
            role.closed(socket)

    def start(self, work: Any) -> None:
        """Run a coroutine of a socket; what it did not expect ends that socket's work and is logged."""
        assert self._tasks is not None, "sockets come after run() has begun"
        self._tasks.create_task(_guarded(work))

    async def run(self, sweep_s: float = 1.0) -> None:
        """Sweep until cancelled; the sockets' own short tasks live in here."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                due = time.monotonic() + sweep_s
                await asyncio.sleep(sweep_s)
                self._stalled_s += max(0.0, time.monotonic() - due)
                now, unix_now = self.now(), time.time()
                for socket in tuple(self._all):
                    socket.sweep(now, unix_now)

    def close_all(self, code: int, reason: str) -> None:
        for socket in tuple(self._all):
            socket.close(code, reason)

    def close_door(self) -> None:
        """Admit nobody from now on."""
        self._is_draining = True


async def _guarded(work: Any) -> None:
    try:
        await work
    except RingpostError as error:
        log.warning("a socket's task ended", error=str(error))
    except Exception:  # a bug in one socket's task must not end the gateway's task group
        log.exception("a socket's task failed")
