"""What is wrong with the routers and their ring. A pure core."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from deploy.doctor.finding import Finding, beware, or_well, wrong
from deploy.looking.system import Router
from router.status import PoolStatus, RouterStatus
from shared.bus.registry import Gateway

_TO_DO = {
    "members": "It reads the registry in Redis: see whether Redis answers it.",
    "out of files": "Raise nofile to twice RINGPOST_MAX_CONNECTIONS and 200 more.",
    "files for": "Raise nofile to twice RINGPOST_MAX_CONNECTIONS and 200 more.",
    "out of ports": "Add gateways or routers, widen net.ipv4.ip_local_port_range, or use the kernel plane.",
    "full": "Raise RINGPOST_MAX_CONNECTIONS, or add RINGPOST_RELAY_WORKERS or routers.",
    "hidden": "Something in front hides clients' addresses: docs/docker.md, Addresses.",
    "lost": "Look for what all of the pool need: Postgres, a network, their image.",
    "no gateway": "Start gateways of that pool, with this Redis and RINGPOST_PREFIX.",
    "draining": "It is about to end: start it again if that is not meant.",
}


def judge_routers(routers: Sequence[Router], *, is_local: bool = False) -> list[Finding]:
    """Return what is wrong with each of them, and between them; on a developer's machine one gateway of a kind will do."""
    findings = [finding for router in routers for finding in _judge(router)]
    if not is_local:
        findings += [finding for router in routers if router.status is not None for finding in _lonely(router.status)]
    statuses = [router.status for router in routers if router.status is not None]
    findings += _differing(statuses)
    return or_well(findings, "routers", f"{len(routers)} answer and agree")


def _judge(router: Router) -> Iterator[Finding]:
    status = router.status
    if status is None:
        yield wrong(router.name, f"does not answer at {router.url}: {router.fault}", "Start it, or name it by --url.")
        return
    for reason in status.reasons:
        do = next((do for words, do in _TO_DO.items() if words in reason), "Read its log.")
        yield (wrong if reason.startswith(("no gateway", "draining")) else beware)(status.name, reason, do)
    for pool in status.pools:
        yield from _judge_pool(status, pool)


def _judge_pool(status: RouterStatus, pool: PoolStatus) -> Iterator[Finding]:
    where = f"{pool.name} at {status.name}"
    for gateway in pool.gateways:
        name = f"{gateway.name} ({gateway.address})"
        if gateway.state == "down":
            yield wrong(where, f"{name} does not answer its looks", "See whether it runs, and whether the router reaches it.")
        elif gateway.state == "draining" and gateway.since_s > 120:
            yield wrong(where, f"{name} drains for {gateway.since_s:.0f} s", "Read its log; a second SIGTERM ends it.")
        elif gateway.held_s:
            yield beware(where, f"{name} fell again and again, and is held out", "Read its log: it fails and recovers.")
        elif not gateway.is_listed and status.are_members_known:
            yield wrong(where, f"{name} serves and is not in the registry", "It can't write to Redis, or has another prefix.")
        if gateway.is_full:
            yield beware(where, f"{name} is full at {gateway.connections:,}", "Add a gateway.")


def _lonely(status: RouterStatus) -> Iterator[Finding]:
    for pool in status.pools:
        if len([gateway for gateway in pool.gateways if gateway.state == "active"]) == 1:
            what = f"one gateway alone serves {pool.name}"
            yield beware(status.name, what, "Run two or more: one that is killed leaves nobody.")


def _differing(statuses: Sequence[RouterStatus]) -> Iterator[Finding]:
    signatures: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for status in statuses:
        for pool in status.pools:
            signatures[pool.name][pool.signature].append(status.name)
        for number, worker in enumerate(status.workers, 1):
            for name, signature in worker.signatures.items():
                signatures[name][signature].append(f"{status.name}'s worker {number}")
    for pool_name, by_signature in signatures.items():
        if len(by_signature) > 1:
            who = "; ".join(f"{signature[:8]} at {', '.join(names)}" for signature, names in by_signature.items())
            do = "They see different gateways, or have different RINGPOST_BUCKETS, RINGPOST_HASH_SEED or versions."
            yield wrong("routers", f"hold different tables of {pool_name}: {who}", do)


def judge_registry(pools: Mapping[str, Sequence[Gateway]], statuses: Sequence[RouterStatus]) -> list[Finding]:
    """Compare what the registry lists with what routers that go by it know."""
    findings = []
    for status in statuses:
        for pool in status.pools if status.membership == "registry" else ():
            known = {gateway.name for gateway in pool.gateways}
            missed = [gateway.name for gateway in pools.get(pool.name, ()) if gateway.name not in known]
            if missed:
                what = f"lists {', '.join(missed)} in {pool.name}, whom {status.name} does not know"
                findings.append(wrong("registry", what, "The router has another Redis or RINGPOST_PREFIX."))
    empty = [name for name, gateways in pools.items() if not gateways]
    if empty:
        findings.append(
            wrong("registry", f"is empty: {', '.join(empty)}", "Gateways can't write to it, or have another prefix.")
        )
    listed = ", ".join(f"{len(gateways)} in {name}" for name, gateways in pools.items())
    return or_well(findings, "registry", f"lists {listed}")
