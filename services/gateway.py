"""A gateway: the parts of its roles, put together, run until told to stop, then drained."""

import asyncio
import contextlib
import signal
import socket
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from importlib.metadata import version

import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client.registry import Collector
from pydantic import BaseModel

from services.ending import end
from services.heartbeat import Heartbeat, Probe
from services.listener import BACKLOG, listen
from services.read.page_files import load_page
from services.read.page_routes import PageAbout, page_routes
from services.read.part import ReadPart
from services.settings import AUTO, GatewaySettings, parse_networks
from services.whereabouts import find_host
from services.write.committer import BatchBounds, Committer
from services.write.limiter import Limiter
from services.write.part import WritePart
from services.write.publisher import Publisher
from services.write.queue import SendQueue
from services.write.rates import Rates
from shared import limits
from shared.auth import Authenticator
from shared.bus.client import connect, translated
from shared.bus.publishing import Bus
from shared.bus.rates import SharedBuckets
from shared.bus.registry import Gateway as Record
from shared.bus.registry import GatewayState, Registry
from shared.errors import Unavailable
from shared.metrics import label, make_registry
from shared.storage.append import Appender
from shared.storage.connection import Connections
from shared.storage.conversations import Conversations
from shared.storage.history import History
from shared.web.app import create_app
from shared.web.dev_tokens import dev_token_routes
from shared.web.http_policy import HttpPolicy
from shared.web.http_protocol import make_http_protocol
from shared.web.origins import Origins, default_origins, parse_origins
from shared.websocket.draining import Drain
from shared.websocket.edge import Edge
from shared.websocket.socket import SocketPolicy, Sockets

log = structlog.get_logger("ringpost.gateway")
BATCH_BYTES = 4 << 20
POSTGRES_PATIENCE_S = 3.0
REASONS, DEGRADED = ("draining", "postgres", "deaf"), ("redis", "subscription")


class Config(BaseModel):
    """What a client may know before it has a token."""

    protocol: int
    read: str
    write: str
    roles: list[str]


class Gateway:
    """One gateway, made from its settings inside a running loop."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = s = settings
        self._redis = connect(s.redis_url.get_secret_value(), s.redis_timeout_s)
        self._connections = Connections(
            s.postgres_url.get_secret_value(), size=s.postgres_connections, timeout_s=s.postgres_timeout_s, name=s.name
        )
        history = History(self._connections)
        self._read = self._make_read(history) if "read" in s.role.pools else None
        self._write = self._make_write() if "write" in s.role.pools else None
        self._parts: list[ReadPart | WritePart] = [part for part in (self._read, self._write) if part is not None]
        admin_key = s.admin_key.get_secret_value() if s.admin_key else None
        self._authenticator = Authenticator(s.jwt_key.get_secret_value(), s.jwt_algorithm, admin_key)
        self._origins = Origins(parse_origins(s.origins) or default_origins(s.public_read_url, s.public_write_url))
        self._sockets = self._make_sockets()
        if self._read is not None:
            self._read.streams.join(self._sockets)
        self._heartbeat = self._make_heartbeat()
        self._postgres = Probe(partial(history.heads, []))
        self._http_policy = self._make_http_policy()
        self._stopping = asyncio.Event()
        self._answers: Counter[int] = Counter({200: 0, 401: 0, 503: 0})
        self._host, self._port = s.advertise or _reachable(s.host), 0

    def _make_read(self, history: History) -> ReadPart:
        s = self._settings
        return ReadPart(history, self._connections, self._redis, prefix=s.prefix, redis_timeout_s=s.redis_timeout_s)

    def _make_write(self) -> WritePart:
        s = self._settings
        url = s.postgres_url.get_secret_value()
        publisher = Publisher(Bus(self._redis, s.redis_timeout_s), s.prefix)
        committer = Committer(
            SendQueue(s.queue_rows, s.queue_bytes),
            Appender(url, timeout_s=s.postgres_timeout_s, name=s.name),
            BatchBounds(s.batch_rows, BATCH_BYTES, s.postgres_timeout_s),
            publisher.publish_events,
        )
        shared = SharedBuckets(self._redis, s.prefix, s.redis_timeout_s)
        limiter = Limiter(Rates(s.rate_user, s.rate_conversation), shared)
        return WritePart(committer, limiter, publisher, Conversations(self._connections))

    def _make_sockets(self) -> Sockets:
        s = self._settings
        policy = SocketPolicy(s.heartbeat_s, s.hello_timeout_s, s.max_sockets_per_user, s.socket_buffer_bytes)
        introduction = {"gateway": s.name, "read": s.public_read_url, "write": s.public_write_url}
        return Sockets(policy, [part.role for part in self._parts], self._authenticator, self._origins, introduction)

    def _make_heartbeat(self) -> Heartbeat:
        s = self._settings
        registry = Registry(self._redis, s.prefix, s.redis_timeout_s)
        return Heartbeat(registry, s.role.pools, s.registry_ttl_s, partial(setattr, self._sockets.admissions, "fleet"))

    def _make_http_policy(self) -> HttpPolicy:
        s = self._settings
        secret = s.proxy_secret.get_secret_value() if s.proxy_secret else None
        networks = parse_networks(s.proxy_from)
        return HttpPolicy(networks, secret, s.max_sockets, count_sockets=lambda: len(self._sockets))

    # What it says of itself.

    def reasons(self) -> Sequence[str]:
        """Say why this gateway can't serve; nothing if it can."""
        reasons = ["draining"] if self._stopping.is_set() else []
        if self._postgres.is_away(POSTGRES_PATIENCE_S):
            reasons.append("postgres")
        if self._read is not None:
            reasons += self._read.reasons(redis_answers=self._heartbeat.redis_answers)
        return reasons

    def degraded(self) -> Sequence[str]:
        """Say what is away though this gateway serves."""
        redis = [] if self._heartbeat.redis_answers else ["redis"]
        return redis + list(self._read.degraded() if self._read is not None else [])

    def metrics(self) -> Mapping[str, float]:
        """Return each figure by its name; what ends in _total only rises."""
        s, sockets, reasons, degraded = self._settings, self._sockets, self.reasons(), self.degraded()
        figures = {
            f'info{{name="{s.name}",role="{s.role.value}",version="{version("ringpost")}"}}': 1.0,
            "unix_seconds": time.time(),
            "ready": float(not reasons),
            "connections": float(self._http_policy.connections),
            "connections_limit": float(s.max_sockets),
            "sockets": float(len(sockets)),
            "sockets_held": float(sockets.held),
            "loop_late_seconds_total": sockets.stalled_s,
            "postgres_silent_seconds": self._postgres.silent_s,
        }
        figures |= label("not_ready", {reason: reason in reasons for reason in REASONS}, "reason")
        figures |= label("degraded", {what: what in degraded for what in DEGRADED}, "what")
        figures |= label("sockets_closed_total", sockets.closes, "code")
        figures |= label("sockets_refused_total", sockets.refused, "code")
        figures |= label("http_answers_total", self._answers, "status")
        for part in self._parts:
            figures |= part.metrics()
        return figures

    def _collectors(self) -> Sequence[Collector]:
        return [self._sockets.times, *(collector for part in self._parts for collector in part.collectors())]

    def _record(self) -> Record:
        s = self._settings
        state = GatewayState.NOT_READY if self.reasons() else GatewayState.READY
        if self._stopping.is_set():
            state = GatewayState.DRAINING
        return Record(s.name, self._host, self._port, state, self._http_policy.connections, s.max_sockets, s.weight)

    async def _announce(self) -> None:
        """Tell the routers of this gateway until cancelled, once it knows where it is."""
        if self._host == AUTO:
            self._host = await find_host(self._settings.redis_url.get_secret_value())
        await self._heartbeat.run(self._record)

    # Its life.

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; a second signal ends it at once."""
        s = self._settings
        listener = listen(s.host, s.port)
        self._port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        server = _Server(self._server_config())
        try:
            await self._serve(server, listener)
        finally:
            await self._connections.close()
            with contextlib.suppress(Unavailable), translated():
                await self._redis.aclose()

    async def _serve(self, server: "_Server", listener: socket.socket) -> None:
        async with asyncio.TaskGroup() as tasks:
            works = [work for part in self._parts for work in part.works()]
            works += [self._sockets.run(), self._postgres.run(), self._announce()]
            background = [tasks.create_task(work) for work in works]
            serving = tasks.create_task(server.serve([listener]))
            log.info("serving", role=self._settings.role.value, port=self._port)
            await self._stopping.wait()
            await self._drain(server)
            await serving
            for part in self._parts:
                await part.finish()
            await self._heartbeat.withdraw(self._settings.name)
            await end(background)

    async def _drain(self, server: "_Server") -> None:
        """Say so, accept a while longer for routers that did not hear it, close the listener, have everybody move."""
        s = self._settings
        await self._heartbeat.beat(self._record())
        if self._http_policy.connections:
            await asyncio.sleep(s.drain_settle_s)
        if self._read is not None:
            self._read.stop_waiting()
        server.stop_listening()
        streams = self._read.streams if self._read is not None else None
        drain = Drain(self._sockets, s.drain_spread_s, others=len(streams) if streams is not None else 0)
        log.info("draining", sockets=len(self._sockets), spread_s=round(drain.spread_s, 2), within_s=s.drain_spread_s)
        drains = [drain.run()]
        if streams is not None:
            drains.append(streams.drain(drain))
        await asyncio.gather(*drains)
        log.info("drained", left=len(self._sockets))

    def _stop(self) -> None:
        if self._stopping.is_set():
            log.warning("told twice; stopping at once")
            raise SystemExit(1)
        self._stopping.set()

    def _server_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app(),
            http=make_http_protocol(self._http_policy),
            ws=partial(Edge, self._sockets),  # type: ignore[arg-type]  # uvicorn calls it, a class or not
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(self._settings.drain_spread_s + self._settings.postgres_timeout_s) + 1,
            backlog=BACKLOG,
        )

    def _app(self) -> FastAPI:
        s = self._settings
        app = create_app(
            title=f"Ringpost {s.role.value}",
            version=version("ringpost"),
            authenticator=self._authenticator,
            origins=self._origins,
            ready=self.reasons,
            degraded=self.degraded,
            shortcuts=self._write.shortcuts(self._authenticator) if self._write is not None else (),
            answers=self._answers,
            registry=make_registry(self.metrics, self._collectors()),
        )
        app.add_api_route("/config", self._config, name="config", tags=["health"], summary="Where read and write are")
        if s.dev_tokens:
            app.include_router(dev_token_routes(s.jwt_key.get_secret_value()))
        if s.page and self._read is not None:
            hosts = tuple(parse_origins(s.page_hosts))
            about = PageAbout(s.public_read_url, s.public_write_url, hosts, has_dev_tokens=s.dev_tokens)
            app.include_router(page_routes(load_page(), about))
        for part in self._parts:
            app.include_router(part.router())
        return app

    def _config(self) -> Config:
        s = self._settings
        return Config(protocol=limits.PROTOCOL, read=s.public_read_url, write=s.public_write_url, roles=list(s.role.pools))


def _reachable(host: str) -> str:
    """Return where this machine itself finds who listens at *host*."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared, not bound


class _Server(uvicorn.Server):
    """uvicorn's server, with the signals left to the gateway."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop_listening(self) -> None:
        """Refuse newcomers from this moment on; requests in flight are answered, then the server ends."""
        for listener in self.servers:
            listener.close()
        self.should_exit = True
