"""What is wrong with the machine that the doctor runs on."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.doctor.finding import Finding, beware, or_well, wrong

LEAST_BACKLOG, NEARLY, LEAST_FREE = 1024, 0.8, 0.1
_NAMES = {
    "somaxconn": "net/core/somaxconn",
    "conntrack": "net/netfilter/nf_conntrack_count",
    "conntrack_most": "net/netfilter/nf_conntrack_max",
}


def read_machine(data: Path | None) -> Mapping[str, float]:
    """Return what this machine has; *data* is where the embedded servers keep theirs."""
    found: dict[str, float] = {}
    for name, path in _NAMES.items():
        try:
            found[name] = float((Path("/proc/sys") / path).read_text())
        except (OSError, ValueError):
            continue
    if data is not None:
        disk = shutil.disk_usage(data)
        found["disk_free"] = disk.free / disk.total
    return found


def judge_machine(has: Mapping[str, float]) -> list[Finding]:
    return or_well(_judge(has), "machine", "its limits and its disk are wide enough")


def _judge(has: Mapping[str, float]) -> Iterator[Finding]:
    if has.get("somaxconn", LEAST_BACKLOG) < LEAST_BACKLOG:
        what = f"net.core.somaxconn is {has['somaxconn']:.0f}: connections are lost when many come back at once"
        yield beware("machine", what, "sysctl -w net.core.somaxconn=4096")
    if has.get("conntrack_most") and has.get("conntrack", 0) > NEARLY * has["conntrack_most"]:
        what = f"{has['conntrack']:,.0f} of {has['conntrack_most']:,.0f} flows are tracked"
        yield wrong("machine", what, f"sysctl -w net.netfilter.nf_conntrack_max={has['conntrack_most'] * 4:.0f}")
    if has.get("disk_free", 1.0) < LEAST_FREE:
        yield wrong("machine", f"{has['disk_free']:.0%} of the disk is free", "Postgres stops when it is full: make room.")
