"""What an ordeal found: as one object, as a table, and while it runs a line for each kill."""

import statistics
from collections import Counter
from typing import Any

from rich.table import Table

from tests.faults.invariants import Verdict
from tests.faults.ordeal import POSTGRES, Kill, Ordeal, Outcome

NAMES = {
    "attempted": "A, attempted",
    "acknowledged": "K, acknowledged",
    "refused": "F, finally refused",
    "unknown": "U, outcome unknown",
    "stored": "S, stored",
    "retried": "sent more than once",
    "unknown_stored": "of U, stored",
    "late": "tried again after the last kill",
}


def report(outcome: Outcome, verdict: Verdict, seed: int) -> dict[str, Any]:
    """Return the one object of `--json`."""
    sends = outcome.record.sends
    messages = [entry for log in outcome.logs.values() for entry in log if entry.type == "message"]
    stored = {entry.id for entry in messages}
    unknown = [send for send in sends if not send.is_settled]
    waiting = [kill.in_flight for kill in outcome.kills]
    return {
        "attempted": len(sends),
        "acknowledged": outcome.record.acknowledged,
        "refused": sum(bool(send.refusals) for send in sends),
        "unknown": len(unknown),
        "stored": len(messages),
        "retried": sum(send.tries > 1 for send in sends),
        "unknown_stored": sum(send.id in stored for send in unknown),
        "late": outcome.late,
        "kills": Counter(f"{_kind(kill)} {kill.moment}" for kill in outcome.kills),
        "in_flight_at_kills": {"least": min(waiting, default=0), "median": statistics.median(waiting or [0])},
        "violations": {fault.value: count for fault, count in verdict.counts.items()},
        "words": verdict.words,
        "seconds": round(outcome.seconds, 1),
        "settle_s": round(outcome.settle_s, 2),
        "deliver_s": round(outcome.deliver_s, 2),
        "seed": seed,
    }


def make_table(found: dict[str, Any]) -> Table:
    """Return the report for people."""
    table = Table("what", "how many", title=f"seed {found['seed']}, {found['seconds']} s")
    table.columns[1].justify = "right"
    for name, label in NAMES.items():
        table.add_row(label, f"{found[name]:,}")
    table.add_section()
    for kind, count in sorted(found["kills"].items()):
        table.add_row(f"kills: {kind}", str(count))
    waiting = found["in_flight_at_kills"]
    table.add_row("sends in flight at a kill, least and median", f"{waiting['least']:,} and {waiting['median']:,.0f}")
    table.add_section()
    for fault, count in found["violations"].items():
        table.add_row(f"violations: {fault}", str(count))
    return table


def _kind(kill: Kill) -> str:
    return kill.target if kill.target == POSTGRES else "write gateway"


def tell_kill(ordeal: Ordeal) -> str:
    """Return a line about the kill that is made now."""
    kill = ordeal.kills[-1]
    place = f"{len(ordeal.kills):>3} of {len(ordeal.plan.kills)}"
    figures = f"{kill.in_flight:>5,} in flight, {ordeal.record.acknowledged:>7,} acknowledged"
    return f"kill {place}: {kill.target:<8} {kill.moment:<35} {figures}"
