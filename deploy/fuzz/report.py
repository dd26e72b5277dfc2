"""What a campaign found, as one object, and as a few lines for people."""

from collections.abc import Iterator
from typing import Any

from deploy.fuzz.campaign import Campaign, Failure, Tally
from deploy.fuzz.checker import KINDS
from deploy.fuzz.schedule import Schedule, Sdk, encode

COUNTS = {
    "schedules": "schedules",
    "sends": "sends",
    "killed": "clients killed",
    "died_at_a_step": "of them at a step of the SDK",
    "closed": "closed",
    "cuts": "connections cut",
    "reconnects": "reconnects",
    "duplicates": "duplicates sent",
    "seen_again": "seen again after a kill",
}

TROUBLES = ("cut", "tear", "slow", "silent", "lose", "offline", "plain", "elsewhere", "sleep", "clock", "rival", "gateway")


def as_object(campaign: Campaign) -> dict[str, Any]:
    """Return the one object of `--json`."""
    return {
        **{sdk.value: _object(tally) for sdk, tally in campaign.tallies.items()},
        "gateways_killed": campaign.kills,
        "seconds": round(campaign.seconds, 1),
    }


def table(campaign: Campaign) -> str:
    """Return the report as lines."""
    lines: list[str] = []
    for sdk, tally in campaign.tallies.items():
        lines += _rows(sdk, tally)
    lines.append(f"{campaign.kills:,} parts of the system killed   {campaign.seconds:,.1f} s")
    return "\n".join(lines)


def failures(campaign: Campaign) -> Iterator[str]:
    """Yield what to say of each failing schedule."""
    for tally in campaign.tallies.values():
        yield from map(_failure, tally.failures)


def _rows(sdk: Sdk, tally: Tally) -> list[str]:
    counts = [f"{label} {tally.counts[name]:,}" for name, label in COUNTS.items()]
    troubles = [f"{name} {tally.counts[name]:,}" for name in TROUBLES if tally.counts[name]]
    zeros = [f"{kind} {tally.faults[kind]:,}" for kind in KINDS]
    rows = [*map("   ".join, (counts[:5], counts[5:])), ", ".join(troubles), "   ".join(zeros)]
    return [f"{name:<8}{row}" for name, row in zip((sdk.value, "", "", ""), rows, strict=True)]


def _object(tally: Tally) -> dict[str, Any]:
    return {
        **{name: tally.counts[name] for name in (*COUNTS, *TROUBLES)},
        "faults": {kind: tally.faults[kind] for kind in KINDS},
        "failures": [
            {
                "seed": failure.schedule.seed,
                "number": failure.schedule.number,
                "faults": failure.verdict.faults,
                "schedule": encode(failure.smallest or failure.schedule),
            }
            for failure in tally.failures
        ],
    }


def _failure(failure: Failure) -> str:
    schedule = failure.schedule
    head = f"Schedule {schedule.number} of seed {schedule.seed} with the {schedule.sdk.value} SDK failed:"
    lines = [head, *_faults(failure.verdict.faults)]
    if failure.smallest is None or failure.of_smallest is None:
        lines += ["It did not fail again when it was played alone. All of it:", *_lines(schedule)]
    else:
        many = len(schedule.steps) - len(failure.smallest.steps)
        lines += [f"The smallest that still fails ({many} steps less):", *_lines(failure.smallest), "and how:"]
        lines += _faults(failure.of_smallest.faults)
    lines += ["To play it again, write this into a file and pass that as --play:", encode(failure.smallest or schedule)]
    return "\n".join(lines)


def _faults(faults: list[str]) -> list[str]:
    return [f"  {fault}" for fault in faults]


def _lines(schedule: Schedule) -> list[str]:
    return [f"  {line}" for line in str(schedule).splitlines()]
