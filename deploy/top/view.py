"""What is shown of a system: rates and delays between two looks, or since the processes began. A pure core."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from deploy.looking.scrape import Buckets, Scrape, add_up, between, quantile
from deploy.looking.system import Router, Seen, System
from router.status import ChangeStatus


class Delay(msgspec.Struct, frozen=True):
    """In seconds; None where nothing was counted."""

    p50: float | None
    p99: float | None


class GatewayView(msgspec.Struct, frozen=True):
    """A gateway. *rates* are a second: sends, deliveries; None: it does not answer us, and only routers know of it."""

    name: str
    pools: Sequence[str]
    state: str
    notes: Sequence[str]
    connections: int
    limit: int
    share: float
    sends: float | None
    deliveries: float | None
    cpu: float | None
    memory: float | None
    lag: float | None


class RouterView(msgspec.Struct, frozen=True):
    """A router, its pools' tables by name, and the latest change of any."""

    name: str
    url: str
    fault: str
    notes: Sequence[str]
    tables: Mapping[str, str]
    connections: int
    change: ChangeStatus | None


class View(msgspec.Struct, frozen=True):
    """All of it. *over_s*: over what time rates and delays are; None: since the processes began."""

    over_s: float | None
    routers: Sequence[RouterView]
    gateways: Sequence[GatewayView]
    sends: float
    deliveries: float
    repairs: float
    put_off: float
    queue: int
    behind: int
    delays: Mapping[str, Delay]


@dataclass(frozen=True, slots=True)
class _Pair:
    """What a process told before (None: it was not there) and what it told now."""

    before: Scrape | None
    now: Scrape

    def risen(self, name: str, **labels: str) -> float:
        """Return by how much a counter rose; one that fell began anew."""
        now = self.now.value(name, **labels) or 0.0
        before = (self.before.value(name, **labels) or 0.0) if self.before is not None else 0.0
        return now - before if now >= before else now

    def rate(self, name: str, **labels: str) -> float:
        return self.risen(name, **labels) / self.seconds

    @property
    def seconds(self) -> float:
        if self.before is not None:
            return max(self.now.at - self.before.at, 0.001)
        clock, began = self.now.value("unix_seconds"), self.now.value("process_start_time_seconds")
        return max((clock or 0.0) - (began or 0.0), 0.001)

    def buckets(self, name: str) -> Buckets:
        return between(self.before.buckets(name) if self.before is not None else {}, self.now.buckets(name))


DELAYS = {
    "send to ack": "write_ack_seconds",
    "commit": "write_commit_seconds",
    "commit to delivery": "read_delivery_seconds",
    "hello to welcome": "socket_welcome_seconds",
    "welcome to caught up": "read_catch_up_seconds",
}


def compare(before: System | None, now: System) -> View:
    """Return what is to be shown of *now*; rates and delays are those since *before*."""
    earlier = {seen.address: seen.told.scrape for seen in before.gateways if seen.told} if before is not None else {}
    pairs = {seen.address: _Pair(earlier.get(seen.address), seen.told.scrape) for seen in now.gateways if seen.told}
    told = list(pairs.values())
    return View(
        over_s=now.at - before.at if before is not None else None,
        routers=[_router(router) for router in now.routers],
        gateways=[_gateway(seen, pairs.get(seen.address)) for seen in now.gateways],
        sends=sum(pair.rate("write_outcomes_total", status="stored") for pair in told),
        deliveries=sum(pair.rate("read_deliveries_total") for pair in told),
        repairs=sum(pair.rate("read_repaired_events_total") for pair in told),
        put_off=sum(pair.rate("write_put_off_total") + pair.rate("write_unavailable_total") for pair in told),
        queue=round(sum(pair.now.value("write_queue") or 0.0 for pair in told)),
        behind=round(sum(pair.now.value("read_behind_events") or 0.0 for pair in told)),
        delays={what: _delay([pair.buckets(name) for pair in told]) for what, name in DELAYS.items()},
    )


def _delay(histograms: Sequence[Buckets]) -> Delay:
    buckets = add_up(histograms)
    return Delay(quantile(buckets, 0.5), quantile(buckets, 0.99))


def _gateway(seen: Seen, pair: _Pair | None) -> GatewayView:
    status = seen.status
    notes = [*(seen.told.reasons if seen.told else ["does not answer us"]), *(seen.told.degraded if seen.told else ())]
    notes += ["full"] * status.is_full + ["not listed"] * (not status.is_listed)
    own = pair.now.value("connections") if pair else None
    return GatewayView(
        name=seen.name,
        pools=seen.pools,
        state=status.state,
        notes=notes,
        connections=round(own) if own is not None else status.connections,
        limit=status.capacity,
        share=status.share,
        sends=pair.rate("write_outcomes_total", status="stored") if pair and "write" in seen.pools else None,
        deliveries=pair.rate("read_deliveries_total") if pair and "read" in seen.pools else None,
        cpu=pair.rate("process_cpu_seconds_total") if pair else None,
        memory=pair.now.value("process_resident_memory_bytes") if pair else None,
        lag=pair.now.value("read_canary_lag_seconds") if pair else None,
    )


def _router(router: Router) -> RouterView:
    status = router.status
    if status is None:
        return RouterView(router.name, router.url, router.fault, (), {}, 0, None)
    changes = [change for pool in status.pools for change in pool.changes[:1]]
    frozen = [f"{pool.name} frozen" for pool in status.pools if pool.is_frozen]
    return RouterView(
        name=status.name,
        url=router.url,
        fault="",
        notes=[*frozen, *status.reasons],
        tables={pool.name: pool.signature for pool in status.pools},
        connections=sum(gateway.own for pool in status.pools for gateway in pool.gateways),
        change=min(changes, key=lambda change: change.ago_s, default=None),
    )
