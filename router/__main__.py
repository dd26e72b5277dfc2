"""Run one router: `python -m router`, told by its environment (`ringpost settings router`).

A client is pinned by its source address alone. On one machine every address of 127.0.0.0/8 is a client of its own: whoever
wants to be several clients (`ringpost replay` does) binds its connections to several of them.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Coroutine, Generator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import structlog
import uvicorn
import uvloop

from router.admin import create_admin
from router.health import HealthPolicy
from router.members import Listed, Members, Resolved
from router.pool import Pool
from router.relay import Relay, RelayPolicy
from router.settings import Membership, RouterSettings
from router.spots import parse_spots
from router.status import RouterStatus, describe
from router.table import Shape
from router.watch import Cadence, Watch
from shared.bus.client import connect
from shared.bus.registry import Registry
from shared.logs import configure
from shared.metrics import make_registry
from shared.settings import load_or_exit

log = structlog.get_logger("ringpost.router")
BACKLOG = 4096
GRACE_S = 0.5


class Router:
    """One router: two virtual services, the watch over their pools, and its own health."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = s = settings
        self._redis = connect(s.redis_url.get_secret_value(), s.redis_timeout_s)
        shape = Shape(buckets=s.buckets, seed=s.hash_seed)
        health = HealthPolicy(rise=s.rise, fall=s.fall, hold_s=s.flap_hold_s)
        pools = [Pool(name, s.epsilon, shape, health) for name in ("read", "write")]
        self._watch = Watch(self._members(), pools, Cadence(s.membership_s, s.probe_s, s.probe_timeout_s))
        secret = s.proxy_secret.get_secret_value() if s.proxy_secret else None
        policy = RelayPolicy(s.connect_timeout_s, s.max_connections, s.buffer_bytes, secret)
        self._relays = [Relay(pool, policy, self._start) for pool in pools]
        self._started_at = time.monotonic()
        self._stopping = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    def _members(self) -> Members:
        s = self._settings
        spots = {"read": parse_spots(s.read_gateways), "write": parse_spots(s.write_gateways)}
        match s.membership:
            case Membership.REGISTRY:
                return Registry(self._redis, s.prefix, s.redis_timeout_s)
            case Membership.DNS:
                return Resolved(spots, s.redis_timeout_s)
            case Membership.LIST:
                return Listed(spots)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None, "the services listen after run() has begun"
        self._tasks.create_task(work)

    def reasons(self) -> Sequence[str]:
        """Say why connections can't be served; nothing if they can."""
        draining = ["draining"] if self._stopping.is_set() else []
        return draining + [f"no gateway in {relay.pool.name}" for relay in self._relays if not relay.pool.table.names]

    def degraded(self) -> Sequence[str]:
        lost = [f"{relay.pool.name}: most of the pool is lost" for relay in self._relays if relay.pool.is_frozen]
        return lost if self._watch.are_members_known else ["members", *lost]

    def metrics(self) -> Mapping[str, float]:
        figures: dict[str, float] = {}
        for relay in self._relays:
            name = f"router_{relay.pool.name}"
            figures |= {f"{name}_connections": len(relay), f"{name}_gateways": len(relay.pool.table.names)}
            figures |= {f"{name}_{what}_total": n for what, n in relay.counts.items()}
        return figures

    def status(self) -> RouterStatus:
        """Return what is shown to people and tools."""
        now, pools = time.monotonic(), [relay.pool for relay in self._relays]
        return RouterStatus(
            name=self._settings.name,
            version=version("ringpost"),
            up_s=round(now - self._started_at, 1),
            membership=self._settings.membership,
            are_members_known=self._watch.are_members_known,
            reasons=[*self.reasons(), *self.degraded()],
            shape=pools[0].shape,
            pools=[describe(pool, now) for pool in pools],
        )

    async def run(self) -> None:
        """Route until SIGTERM or SIGINT; then take nothing more, and end after a moment."""
        s = self._settings
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        async with asyncio.TaskGroup() as self._tasks:
            watching = self._tasks.create_task(self._watch.run())
            admin = _Server(self._admin_config())
            serving = self._tasks.create_task(admin.serve())
            ports = zip(self._relays, (s.read_port, s.write_port), strict=True)
            servers = [
                await loop.create_server(relay.make_side, s.host, port, reuse_port=True, backlog=BACKLOG)
                for relay, port in ports
            ]
            log.info("routing", read_port=s.read_port, write_port=s.write_port)
            await self._stopping.wait()
            for server in servers:
                server.close()
            admin.should_exit = True
            await asyncio.sleep(GRACE_S)
            for relay in self._relays:
                relay.close_all()
            await serving
            watching.cancel()

    def _stop(self) -> None:
        if self._stopping.is_set():
            raise SystemExit(1)
        self._stopping.set()

    def _admin_config(self) -> uvicorn.Config:
        app = create_admin(self.reasons, self.degraded, make_registry(self.metrics), self.status)
        s = self._settings
        return uvicorn.Config(
            app, host=s.admin_host, port=s.admin_port, lifespan="off", log_config=None, access_log=False, ws="none"
        )


class _Server(uvicorn.Server):
    """uvicorn's server, with the signals left to the router."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _run(settings: RouterSettings) -> None:
    await Router(settings).run()


def main() -> None:
    settings = load_or_exit(RouterSettings)
    configure(settings, name=settings.name)
    try:
        uvloop.run(_run(settings))
    except* OSError as group:
        print(f"ringpost: cannot listen: {group.exceptions[0]}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
