"""Run one router: `python -m router`, told by its environment (`ringpost settings router`).

A client is pinned by its source address alone. On one machine every address of 127.0.0.0/8 is a client of its own: whoever
wants to be several clients (`ringpost replay` does) binds its connections to several of them.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from importlib.metadata import version
from typing import NoReturn

import structlog
import uvicorn
import uvloop

from router.admin import create_admin
from router.kernel import KernelPlane
from router.making import make_pools, make_relay, make_watch
from router.netfilter import Rules
from router.nft import KernelError
from router.plane import Plane
from router.settings import PlaneKind, RouterSettings
from router.status import RouterStatus, describe, figures
from shared.logs import configure
from shared.metrics import make_registry
from shared.settings import load_or_exit

log = structlog.get_logger("ringpost.router")


class Router:
    """One router: two virtual services, the watch over their pools, and its own health."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._pools = make_pools(settings)
        self._watch = make_watch(settings, self._pools)
        self._plane = self._make_plane()
        self._started_at = time.monotonic()
        self._stopping = asyncio.Event()

    def _make_plane(self) -> Plane:
        s = self._settings
        if s.plane is PlaneKind.KERNEL:
            ports = {"read": s.read_port, "write": s.write_port}
            kernel = KernelPlane(self._pools, Rules(s.host, ports, self._pools[0].shape))
            kernel.check()
            return kernel
        return make_relay(s, self._pools, s.relay_workers - 1)

    def reasons(self) -> Sequence[str]:
        """Say why connections can't be served; nothing if they can."""
        draining = ["draining"] if self._stopping.is_set() else []
        nobody = [f"no gateway in {pool.name}" for pool in self._pools if not pool.table.names]
        return [*draining, *nobody, *self._plane.reasons()]

    def degraded(self) -> Sequence[str]:
        lost = [f"{pool.name}: most of the pool is lost" for pool in self._pools if pool.is_frozen]
        unknown = [] if self._watch.are_members_known else ["members"]
        return [*unknown, *lost, *self._plane.degraded()]

    def metrics(self) -> Mapping[str, float]:
        """Return each figure by its name."""
        s = self._settings
        own = {
            f'info{{name="{s.name}",role="router",version="{version("ringpost")}"}}': 1.0,
            "unix_seconds": time.time(),
            "ready": float(not self.reasons()),
            "router_members_known": float(self._watch.are_members_known),
        }
        for pool in self._pools:
            own |= figures(pool)
        return own | dict(self._plane.metrics())

    def status(self) -> RouterStatus:
        """Return what is shown to people and tools."""
        now, pools = time.monotonic(), self._pools
        return RouterStatus(
            name=self._settings.name,
            version=version("ringpost"),
            plane=self._settings.plane,
            up_s=round(now - self._started_at, 1),
            membership=self._settings.membership,
            are_members_known=self._watch.are_members_known,
            reasons=[*self.reasons(), *self.degraded()],
            shape=pools[0].shape,
            pools=[describe(pool, now) for pool in pools],
            workers=self._plane.workers(),
        )

    async def run(self) -> None:
        """Route until SIGTERM or SIGINT; then take nothing more, and end after a moment."""
        s = self._settings
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        await self._plane.prepare(await self._watch.ask())
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch.run())
            admin = _Server(self._admin_config())
            serving = tasks.create_task(admin.serve())
            carrying = tasks.create_task(self._plane.run())
            log.info("routing", plane=s.plane, read_port=s.read_port, write_port=s.write_port)
            await self._stopping.wait()
            await self._plane.stop(s.drain_s)
            admin.should_exit = True
            await serving
            watching.cancel()
            carrying.cancel()

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
    except* KernelError as group:
        _end(f"RINGPOST_PLANE=kernel: {_first(group)}", 2)
    except* OSError as group:
        _end(f"cannot listen: {_first(group)}", 1)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _end(words: str, status: int) -> NoReturn:
    print(f"ringpost: {words}", file=sys.stderr)  # noqa: T201
    raise SystemExit(status) from None


if __name__ == "__main__":
    main()
