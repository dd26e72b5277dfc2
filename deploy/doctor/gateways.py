"""What is wrong with gateways, by what they say of themselves. A pure core."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from deploy.doctor.finding import Finding, beware, or_well, wrong
from deploy.looking.scrape import Scrape
from deploy.looking.system import Router, Seen, Told

MOST_CLOCK_S, NEARLY, SPARE_FILES = 5.0, 0.85, 200
_TO_DO = {
    "postgres": "See whether Postgres answers and has connections free.",
    "deaf": "Redis answers and does not deliver: its load, its client-output-buffer-limit, the network to it.",
    "redis": "See whether Redis answers: deliveries come from Postgres meanwhile.",
    "subscription": "It opens its subscription again and again: Redis' maxclients and client-output-buffer-limit.",
}


def judge_gateways(gateways: Sequence[Seen]) -> list[Finding]:
    """Return what is wrong with each of them."""
    findings = [finding for seen in gateways for finding in _judge(seen)]
    answering = sum(seen.told is not None for seen in gateways)
    return or_well(findings, "gateways", f"{answering} answer, are ready and hear")


def _judge(seen: Seen) -> Iterator[Finding]:
    told = seen.told
    if told is None:
        if seen.status.state == "active":
            do = "Run the doctor where gateways can be reached: docker compose exec router ringpost doctor."
            yield beware(seen.name, f"answers routers, and not us at {seen.address}", do)
        return
    for reason in told.reasons:
        if reason != "draining":
            yield wrong(seen.name, f"is not ready: {reason}", _TO_DO.get(reason, "Read its log."))
    for what in told.degraded:
        yield beware(seen.name, f"does without {what}", _TO_DO.get(what, "Read its log."))
    yield from _judge_limits(seen.name, told.scrape)
    yield from _judge_past(seen.name, told.scrape)


def _judge_limits(name: str, scrape: Scrape) -> Iterator[Finding]:
    connections, limit = scrape.value("connections"), scrape.value("connections_limit")
    if connections and limit and connections > NEARLY * limit:
        yield beware(name, f"has {connections:,.0f} of {limit:,.0f} connections", "Add a gateway.")
    files = scrape.value("process_max_fds")
    if limit and files and files < limit + SPARE_FILES:
        do = f"Raise nofile to {limit + SPARE_FILES:.0f} (compose: RINGPOST_FILES), or lower RINGPOST_MAX_SOCKETS."
        yield wrong(name, f"may open {files:,.0f} files and takes {limit:,.0f} connections", do)
    queue, most = scrape.value("write_queue"), scrape.value("write_queue_limit")
    if queue and most and queue > NEARLY * most:
        yield wrong(name, f"has {queue:,.0f} sends in its queue of {most:,.0f}", "Postgres is slow, or add a write gateway.")


def _judge_past(name: str, scrape: Scrape) -> Iterator[Finding]:
    if scrape.value("http_answers_total", status="500"):
        yield beware(name, "has answered with errors of its own", "Its log has tracebacks: please report them.")
    if scrape.value("read_poison_total"):
        yield beware(name, "has heard publications that are not ours", "Give each system its own RINGPOST_PREFIX or Redis.")


def judge_agreement(routers: Sequence[Router], gateways: Sequence[Seen]) -> list[Finding]:
    """Compare what must be alike in all processes: versions, epochs, clocks."""
    told = {router.name: router.told for router in routers} | {seen.name: seen.told for seen in gateways}
    here = {name: one for name, one in told.items() if one is not None}
    findings = [*_versions(here), *_epochs(here), *_clocks(here)]
    return or_well(findings, "agreement", "versions, epochs and clocks are alike")


def _versions(told: dict[str, Told]) -> Iterator[Finding]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, one in told.items():
        found[one.scrape.labels("info").get("version", "unknown")].append(name)
    if len(found) > 1:
        who = "; ".join(f"{version}: {', '.join(names)}" for version, names in sorted(found.items()))
        yield beware("agreement", f"versions differ ({who})", "Finish the upgrade.")


def _epochs(told: dict[str, Told]) -> Iterator[Finding]:
    epochs = {name: epoch for name, one in told.items() if (epoch := one.scrape.value("read_epoch"))}
    if len(set(epochs.values())) > 1:
        do = "Some are connected to another database, such as an old primary: stop those at once."
        yield wrong("agreement", f"gateways serve different histories ({', '.join(epochs)})", do)


def _clocks(told: dict[str, Told]) -> Iterator[Finding]:
    for name, one in told.items():
        if abs(one.clock_s) > MOST_CLOCK_S:
            yield beware("agreement", f"the clock of {name} is {one.clock_s:+.0f} s from ours", "NTP: tokens expire by it.")
