"""What a replay found, as one object, and as a few lines for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.replay.checker import Entry, History, Sent, Verdict
from deploy.replay.runner import Choices, Replay

NO_SELECT = "the database could not be reached"


def gather(
    replay: Replay, told: Mapping[str, Sequence[Mapping[str, Any]]], selected: Mapping[str, Sequence[Entry]] | None
) -> dict[str, History]:
    """Return what the checker compares, by the conversations' names."""
    acks = replay.tally.acks
    histories = {}
    for script in replay.plan.scripts:
        conversation = replay.conversations[script.name]
        histories[script.name] = History(
            sent=[
                Sent(line.id, line.nick, line.text, acks[line.id].seq if line.id in acks else None)
                for line in script.lines
                if line.id in replay.tally.timing.sent
            ],
            refused=frozenset(line.id for line in script.lines if line.id in replay.tally.refused),
            api=[_entry(event) for event in told[script.name]],
            select=selected[conversation] if selected is not None else None,
            seen={watcher.name: watcher.seen.get(conversation, []) for watcher in replay.watchers},
        )
    return histories


def report(replay: Replay, choices: Choices, histories: Mapping[str, History], verdict: Verdict) -> dict[str, Any]:
    """Return the one object of `--json`."""
    tally = replay.tally
    delays = sorted(delay for watcher in replay.watchers for delay in watcher.delays)
    lateness = sorted(late for watcher in replay.watchers for _, late in watcher.lateness())
    select = next((history.select for history in histories.values()), None)
    stored = sum(entry.is_message for history in histories.values() for entry in history.api)
    return {
        "sent": len(tally.timing.sent) - len(tally.refused),
        "refused": replay.plan.refused + len(tally.refused),
        "acknowledged": len(tally.acks),
        "stored": stored,
        "retried": tally.retried,
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "out_of_order": verdict.out_of_order,
        "altered": verdict.altered,
        "disagreements": verdict.disagreements,
        "select": NO_SELECT if select is None else "compared",
        "kills": replay.kills,
        "seconds": round(replay.seconds, 3),
        "deliveries": len(delays),
        "ack_ms": percentiles(sorted(tally.ack_seconds())),
        "delivery_ms": percentiles(delays),
        "late_ms": percentiles(lateness),
        "conversations": len(replay.conversations),
        "watchers": len(replay.watchers),
        "restarts": replay.restarts,
        "reconnects": replay.reconnects,
        "moves": replay.moves,
        "disconnects": replay.disconnects,
        "without_socket_ms": round(1000 * replay.without_socket_s, 1),
        "repeats_dropped": sum(watcher.repeats for watcher in replay.watchers),
        "switches": sum(watcher.switches for watcher in replay.watchers),
        "via": choices.via.value,
        "watch_via": [way.value for way in choices.watch_via],
        "seed": choices.seed,
        "run": replay.plan.run,
        **_stopped(replay, choices),
        "faults": [*replay.troubles, *verdict.faults],
    }


def percentiles(ordered: Sequence[float]) -> dict[str, float | None]:
    """Return p50, p99 and max of seconds in ascending order, in milliseconds; None where there is nothing."""
    if not ordered:
        return {"p50": None, "p99": None, "max": None}
    ranks = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    return {name: round(1000 * ordered[min(len(ordered) - 1, int(rank * len(ordered)))], 2) for name, rank in ranks.items()}


def table(found: Mapping[str, Any]) -> str:
    """Return the report as a few lines."""
    lines = [
        _row(found, "sent", "refused", "acknowledged", "stored"),
        _row(found, "lost", "duplicated", "out_of_order", "altered"),
        _row(found, "kills", "retried", "reconnects"),
        *([_row(found, "restarts", "moves", "disconnects", "without_socket_ms")] if found["restarts"] else []),
        f"{found['seconds']:,.1f} s, {found['sent'] / (found['seconds'] or 1):,.0f} sends a second",
        f"deliveries {found['deliveries']:,} to {found['watchers']} watchers in {found['conversations']} conversations",
        *(
            [f"watched by {', '.join(found['watch_via'])}   switches {found['switches']:,}"]
            if found["watch_via"] != ["auto"]
            else []
        ),
    ]
    for name, label in (("ack_ms", "send to ack"), ("delivery_ms", "send to sight"), ("late_ms", "ack to sight")):
        if found[name]["p50"] is not None:
            lines.append(
                f"{label:<14} p50 {found[name]['p50']:,} ms   p99 {found[name]['p99']:,} ms   max {found[name]['max']:,} ms"
            )
    if found["select"] == NO_SELECT:
        lines.append("The history API alone was checked: the database could not be reached.")
    elif found["disagreements"]:
        lines.append(f"The history API and the database differ in {found['disagreements']} entries.")
    return "\n".join([*lines, *(f"  {fault}" for fault in found["faults"])])


def _row(found: Mapping[str, Any], *names: str) -> str:
    return "   ".join(f"{name.replace('_', ' ')} {found[name]:,}" for name in names)


def _stopped(replay: Replay, choices: Choices) -> dict[str, Any]:
    """What went on while a part was stopped."""
    if replay.stopped is None or choices.stop is None:
        return {}
    first, last = replay.stopped
    timing = replay.tally.timing
    waits = sorted(at - timing.sent[id] for id, at in timing.acked.items() if first <= at <= last)
    late = (late for watcher in replay.watchers for at, late in watcher.lateness() if first <= at <= last)
    return {
        "stopped": {
            "target": choices.stop.target,
            "seconds": round(last - first, 3),
            "acknowledged": len(waits),
            "ack_ms": percentiles(waits),
            "late_ms": percentiles(sorted(late)),
        }
    }


def _entry(event: Mapping[str, Any]) -> Entry:
    return Entry(event["seq"], event["id"], event["sender"], event.get("text", ""), event["type"] == "message")
