"""The data plane in user space: a relay for each virtual service, and the ports that they listen at."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from router.listener import Listener
from router.pool import Pool
from router.relay import Relay, RelayPolicy
from router.workers import Workers

GRACE_S = 0.5
log = structlog.get_logger("ringpost.router")


class RelayPlane:
    """Both virtual services; *ports* by pool."""

    def __init__(
        self, pools: Sequence[Pool], policy: RelayPolicy, host: str, ports: Mapping[str, int], workers: Workers
    ) -> None:
        self._workers = workers
        self._relays = [Relay(pool, policy) for pool in pools]
        self._listeners = [Listener(relay, host, ports[relay.pool.name]) for relay in self._relays]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for listener, relay in zip(self._listeners, self._relays, strict=True):
                tasks.create_task(relay.run())
                await listener.open()
            tasks.create_task(self._workers.run())

    async def stop(self, grace_s: float) -> None:
        for listener in self._listeners:
            listener.close()
        await asyncio.gather(asyncio.sleep(grace_s), self._workers.stop(grace_s))
        for relay in self._relays:
            relay.close_all()

    def reasons(self) -> Sequence[str]:
        return ()

    def degraded(self) -> Sequence[str]:
        return [f"{listener.relay.pool.name}: out of files" for listener in self._listeners if listener.is_paused]

    def metrics(self) -> Mapping[str, float]:
        figures: dict[str, float] = {}
        for listener in self._listeners:
            relay = listener.relay
            pool = f'{{pool="{relay.pool.name}"}}'
            figures |= {f"router_connections{pool}": len(relay), f"router_out_of_files{pool}": int(listener.is_paused)}
            figures[f"router_connections_limit{pool}"] = relay.policy.max_connections
            figures |= {f"router_{what}_total{pool}": n for what, n in relay.counts.items()}
        for name, n in self._workers.metrics().items():
            figures[name] = figures.get(name, 0) + n
        return figures
