"""The data plane in the kernel: keeps nftables' maps as the pools' tables are, and ends connections to gateways that are dead.

Packets never come here. When this process is gone the kernel goes on as it was told last; the next one reads what
is there and writes what differs.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import structlog

from router import nft
from router.conntrack import Flow, Place, end_flows, list_flows
from router.netfilter import FAMILIES, TABLE, Address, Rules, Spot, change, change_set, fill, hot_name, map_name
from router.nft import KernelError
from router.pool import Pool
from router.ring import NoGateway, hash_key
from router.status import WorkerStatus
from router.wayback import any_comes_back, comes_back
from shared.bus.client import is_cancelled
from shared.bus.registry import Gateway

log = structlog.get_logger("ringpost.router")
TICK_S, COUNT_S, COST = 0.05, 1.0, 10
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


@dataclass(slots=True)
class _Written:
    """What the kernel has of one pool: buckets and hot addresses by family, and what they were made from."""

    buckets: dict[int, Mapping[int, Spot]] = field(default_factory=lambda: {family: {} for family in FAMILIES})
    hot: dict[int, set[Address]] = field(default_factory=lambda: {family: set() for family in FAMILIES})
    signature: str = ""
    spots: Mapping[str, Spot | None] = field(default_factory=dict)
    ended: set[Spot] = field(default_factory=set)
    asked: dict[str, Spot] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)


class KernelPlane:
    """Both virtual services."""

    def __init__(self, pools: Sequence[Pool], rules: Rules) -> None:
        self._pools, self._rules = pools, rules
        self._written = {pool.name: _Written() for pool in pools}
        self._is_there = False
        self.counts: Counter[str] = Counter()

    def check(self) -> None:
        """See whether this machine can do it.

        Raises:
            KernelError: it can't, and why.
        """
        nft.find()
        if os.geteuid() != 0:
            raise KernelError("it needs root (or CAP_NET_ADMIN and user id 0 in a namespace)")
        host = ip_address(self._rules.host)
        name = FORWARDING[host.version]
        if not host.is_loopback and Path("/proc/sys", name).read_text().strip() == "0":
            raise KernelError(f"the kernel does not forward: sysctl -w {name.replace('/', '.')}=1")
        nft.check(self._rules)
        try:
            next(list_flows(4), None)
        except OSError as error:
            raise KernelError(f"the list of connections can't be read (nf_conntrack_netlink): {error.strerror}") from error

    async def prepare(self, answering: Sequence[Gateway]) -> None:
        """Take over what is there, or lay the rules: without any, a kernel keeps no list of connections to see answers in."""
        is_new = await asyncio.to_thread(self._adopt)
        spots = {spot for gateway in answering if (spot := await _spot(gateway)) is not None}
        if not spots or await any_comes_back(spots):
            return
        if is_new:
            await asyncio.to_thread(nft.apply, [f"delete table {TABLE}"])
        places = ", ".join(sorted(str(address) for address, _ in spots))
        raise KernelError(f"answers of {places} to clients do not come back through this machine: lead their routes here")

    async def run(self) -> None:
        """Keep the kernel as the pools are, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forever(self._settle, lambda _: TICK_S))
            tasks.create_task(self._forever(self._ask_back, lambda _: COUNT_S))
            tasks.create_task(self._forever(self._count, lambda cost_s: max(COUNT_S, COST * cost_s)))

    async def stop(self, grace_s: float) -> None:
        """Leave the kernel as it is: it goes on."""

    def reasons(self) -> list[str]:
        return [f"the kernel has no gateway of {pool.name}" for pool in self._pools if not any(self._of(pool).buckets.values())]

    def degraded(self) -> list[str]:
        late = [f"{pool.name}: the kernel does not have the table yet" for pool in self._pools if self._is_late(pool)]
        lost = [f"{name}: answers do not come back through this router" for pool in self._pools for name in self._lost(pool)]
        return [*late, *lost]

    async def _forever(self, work: Callable[[Pool], Awaitable[None]], pause_s: Callable[[float], float]) -> None:
        while not is_cancelled():
            began = time.monotonic()
            for pool in self._pools:
                try:
                    await work(pool)
                except (KernelError, OSError) as error:
                    self.counts["failed"] += 1
                    log.warning("the kernel refused", pool=pool.name, error=str(error))
            await asyncio.sleep(pause_s(time.monotonic() - began))

    # The maps.

    def _adopt(self) -> bool:
        """Read what is there, or lay rules with empty maps; say whether it was that."""
        self._is_there = True
        if not nft.has_rules(self._rules.name):
            nft.apply([self._rules.define()])
            return True
        for pool in self._pools:
            for family in FAMILIES:
                self._of(pool).buckets[family] = nft.read_map(map_name(pool.name, family))
                self._of(pool).hot[family] = nft.read_set(hot_name(pool.name, family))
        log.info("the kernel has a table already", buckets={p.name: len(self._of(p).buckets[4]) for p in self._pools})
        return False

    async def _settle(self, pool: Pool) -> None:
        table, written = pool.table, self._of(pool)
        if not table.names:
            return
        gateways = [pool.known[name].gateway for name in table.names if name in pool.known]
        spots = {gateway.name: await _spot(gateway) for gateway in gateways}
        if (table.signature, spots) != (written.signature, written.spots):
            wanted = {family: fill(table.owners, spots, family) for family in FAMILIES}
            await asyncio.to_thread(self._write, pool.name, wanted)
            written.signature, written.spots = table.signature, spots
        await self._end_dead(pool)

    def _write(self, pool: str, wanted: Mapping[int, Mapping[int, Spot]]) -> None:
        written, statements = self._written[pool], [] if self._is_there else [self._rules.define()]
        for family, buckets in wanted.items():
            statements += change(map_name(pool, family), written.buckets[family], buckets)
        if not statements:
            return
        began = time.monotonic()
        try:
            nft.apply(statements)
        except KernelError:
            self._forget()
            raise
        changed = sum(1 for f, after in wanted.items() for b in after if written.buckets[f].get(b) != after[b])
        written.buckets, self._is_there = dict(wanted), True
        self.counts["buckets_written"] += changed
        log.info("the kernel's table changed", pool=pool, buckets=changed, took_s=round(time.monotonic() - began, 3))

    def _forget(self) -> None:
        """Somebody else changed what is there: make all of it anew."""
        self._is_there = False
        for name in self._written:
            self._written[name] = _Written(ended=self._written[name].ended)

    async def _ask_back(self, pool: Pool) -> None:
        """See whether the answers of each gateway come back through here, once at each place that it has."""
        written = self._of(pool)
        asked = {name: spot for name, spot in written.spots.items() if spot and written.asked.get(name) != spot}
        found = await asyncio.gather(*(asyncio.to_thread(comes_back, spot) for spot in asked.values()))
        written.asked |= asked
        for name, is_back in zip(asked, found, strict=True):
            written.unanswered.discard(name)
            if not is_back:
                written.unanswered.add(name)
                log.warning("a gateway's answers do not come back through this router", pool=pool.name, gateway=name)

    # The connections.

    async def _end_dead(self, pool: Pool) -> None:
        """End the connections of those that died, once nobody is sent there any more."""
        written = self._of(pool)
        dead = {await _spot(pool.known[name].gateway) for name in pool.dead - set(pool.table.names)}
        dead -= {None, *written.spots.values()}
        written.ended &= dead
        fresh = {spot for spot in dead if spot is not None} - written.ended
        if fresh:
            ended = await asyncio.to_thread(self._end, pool.name, fresh)
            written.ended |= fresh
            self.counts["ended"] += ended
            log.info("connections to dead gateways ended", pool=pool.name, connections=ended)

    def _end(self, pool: str, spots: Iterable[Spot]) -> int:
        places, port = {_place(spot) for spot in spots}, self._rules.ports[pool]
        return end_flows([f for v in FAMILIES for f in list_flows(v) if f.gateway in places and f.service.port == port])

    async def _count(self, pool: Pool) -> None:
        """Learn how many connections each gateway has, and divide those of an address that has too many."""
        places = {_place(spot): name for name, known in pool.known.items() if (spot := await _spot(known.gateway))}
        port = self._rules.ports[pool.name]
        flows = await asyncio.to_thread(_flows_of, places, port)
        opened = Counter(places[flow.gateway] for flow in flows)
        for name, known in pool.known.items():
            known.open = opened[name]
        if self._is_there and not await asyncio.to_thread(nft.has_rules, self._rules.name):
            log.warning("the kernel's table was taken away; it is made anew")
            self._forget()
        elif self._is_there:
            await asyncio.to_thread(self._divide, pool.name, self._hot(pool, flows))

    def _hot(self, pool: Pool, flows: Iterable[Flow]) -> dict[int, set[Address]]:
        """Return the addresses that have more connections than their gateway may have; once hot, down to half of that."""
        hot: dict[int, set[Address]] = {family: set() for family in FAMILIES}
        for key, many in Counter(_client(flow) for flow in flows).items():
            try:
                bound = pool.bound(pool.table.owner(pool.table.bucket(key)))
            except NoGateway:
                continue
            if many > (bound / 2 if key in self._of(pool).hot[key.version] else bound):
                hot[key.version].add(key)
        return hot

    def _divide(self, pool: str, hot: dict[int, set[Address]]) -> None:
        written = self._written[pool]
        statements = [s for v in FAMILIES for s in change_set(hot_name(pool, v), written.hot[v], hot[v])]
        if statements:
            nft.apply(statements)
            written.hot = hot

    # What is told.

    def metrics(self) -> Mapping[str, float]:
        figures: dict[str, float] = {f"router_kernel_{what}_total": n for what, n in self.counts.items()}
        for pool in self._pools:
            own = f'{{pool="{pool.name}"}}'
            figures[f"router_connections{own}"] = sum(known.open for known in pool.known.values())
            figures[f"router_hot_addresses{own}"] = sum(map(len, self._of(pool).hot.values()))
        return figures

    def workers(self) -> Sequence[WorkerStatus]:
        return ()

    def _of(self, pool: Pool) -> _Written:
        return self._written[pool.name]

    def _is_late(self, pool: Pool) -> bool:
        return bool(pool.table.names) and self._of(pool).signature != pool.table.signature

    def _lost(self, pool: Pool) -> list[str]:
        return sorted(self._of(pool).unanswered & set(pool.table.names))


async def _spot(gateway: Gateway) -> Spot | None:
    """Return where *gateway* is; None: its name has no address now."""
    try:
        return ip_address(gateway.host), gateway.port
    except ValueError:
        pass
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(gateway.host, gateway.port)
    except OSError:
        return None
    return ip_address(str(infos[0][4][0])), gateway.port


def _place(spot: Spot) -> Place:
    return Place(spot[0].packed, spot[1])


def _flows_of(places: Mapping[Place, str], port: int) -> list[Flow]:
    flows = (flow for family in FAMILIES for flow in list_flows(family, assured=True))
    return [flow for flow in flows if flow.is_established and flow.service.port == port and flow.gateway in places]


def _client(flow: Flow) -> Address:
    """Return the address that is hashed: an IPv6 client's /64."""
    address = ip_address(flow.client.address)
    return IPv6Address(hash_key(address)) if isinstance(address, IPv6Address) else address
