"""The data plane in user space: a relay for each virtual service, and the ports that they listen at."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from router.listener import Listener
from router.pool import Pool
from router.relay import Relay, RelayPolicy
from router.room import Room
from router.status import WorkerStatus
from router.workers import Told, Workers
from shared.bus.registry import Gateway

LOOK_S = 0.05
log = structlog.get_logger("ringpost.router")


class RelayPlane:
    """Both virtual services; *ports* by pool."""

    def __init__(
        self, pools: Sequence[Pool], policy: RelayPolicy, room: Room, host: str, ports: Mapping[str, int], workers: Workers
    ) -> None:
        self._room, self._workers = room, workers
        self._relays = [Relay(pool, policy, room) for pool in pools]
        self._listeners = [Listener(relay, host, ports[relay.pool.name]) for relay in self._relays]

    async def prepare(self, answering: Sequence[Gateway]) -> None:
        if self._room.is_short:
            log.warning(
                "this process may have too few files for the connections that it is to have at most (RLIMIT_NOFILE)",
                connections=self._room.limit,
                wanted=self._room.wanted,
            )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for listener, relay in zip(self._listeners, self._relays, strict=True):
                tasks.create_task(relay.run())
                await listener.open()
            tasks.create_task(self._workers.run(self._add_up))

    async def stop(self, grace_s: float) -> None:
        """Take nothing more; end what is left when *grace_s* are over."""
        for listener in self._listeners:
            listener.close()
        await asyncio.gather(self._until_empty(grace_s), self._workers.stop(grace_s))
        for relay in self._relays:
            relay.close_all()

    async def _until_empty(self, grace_s: float) -> None:
        """Wait until nothing is carried any more, at most for *grace_s*."""
        for _ in range(int(grace_s / LOOK_S)):
            if not any(map(len, self._relays)):
                return
            await asyncio.sleep(LOOK_S)

    def reasons(self) -> Sequence[str]:
        return ()

    def degraded(self) -> Sequence[str]:
        return [*self._degraded(), *self._workers.degraded()]

    def metrics(self) -> Mapping[str, float]:
        figures = self._metrics()
        for name, n in self._workers.metrics().items():
            figures[name] = figures.get(name, 0) + n
        return figures

    def workers(self) -> Sequence[WorkerStatus]:
        return self._workers.statuses()

    def tell(self) -> Told:
        """Return what this process, a worker, tells its router."""
        pools = [relay.pool for relay in self._relays]
        shares = {pool.name: {name: known.share for name, known in pool.known.items()} for pool in pools}
        return Told(self._metrics(), self._degraded(), {pool.name: pool.table.signature for pool in pools}, shares)

    def _add_up(self) -> None:
        for relay in self._relays:
            relay.pool.add_up(self._workers.shares(relay.pool.name))

    def _degraded(self) -> Sequence[str]:
        room = self._room
        short = [f"files for {room.limit} connections a process, of {room.wanted}"] if room.is_short else []
        full = [f"full, with {room.limit} connections"] if room.is_full else []
        paused = [f"{listener.relay.pool.name}: out of files" for listener in self._listeners if listener.is_paused]
        portless = [f"{relay.pool.name}: out of ports to a gateway" for relay in self._relays if relay.is_short_of_ports]
        hidden = [f"{relay.pool.name}: clients' addresses are hidden" for relay in self._relays if relay.hiding.is_on]
        return [*short, *full, *paused, *portless, *hidden]

    def _metrics(self) -> dict[str, float]:
        figures: dict[str, float] = {"router_connections_limit": self._room.limit}
        for listener in self._listeners:
            relay, own = listener.relay, f'{{pool="{listener.relay.pool.name}"}}'
            figures |= {f"router_connections{own}": len(relay), f"router_out_of_files{own}": int(listener.is_paused)}
            figures |= {f"router_{what}_total{own}": n for what, n in relay.counts.items()}
        return figures
