"""What processes and the kernel use, as Linux tells it in /proc."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from deploy.swarm.errors import Failed

_PROCESS_WIDE = 2
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and its descendants so far, with that of those which have ended."""
    return sum(_own_and_reaped(one) for one in family(pid))


def pss_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants; what they share with others counts in parts."""
    return sum(_pss(one) for one in family(pid))


def family(pid: int) -> Iterator[int]:
    """Yield *pid* and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def kernel_bytes() -> dict[str, int]:
    """Return what the kernel holds: its own objects (sockets, files), page tables, and the bytes in TCP's buffers."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    told = {words[0].rstrip(":"): int(words[1]) << 10 for words in lines}
    return {
        "slab": told["Slab"],
        "page_tables": told["PageTables"],
        "buffers": tcp_buffers(),
        "available": told["MemAvailable"],
    }


def tcp_buffers() -> int:
    return _PAGE * _sockstat()["mem"]


def slabs() -> dict[str, int]:
    """Return the bytes of the kernel's objects by kind; empty where one may not see them."""
    try:
        lines = Path("/proc/slabinfo").read_text().splitlines()[2:]
    except OSError:
        return {}
    rows = (line.split() for line in lines)
    return {row[0]: int(row[2]) * int(row[3]) for row in rows}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the difference, by name."""
    return {name: after[name] - was for name, was in before.items() if name in after}


def _sockstat() -> dict[str, int]:
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        kind, *words = line.split()
        if kind == "TCP:":
            return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    raise Failed("/proc/net/sockstat tells nothing of TCP")


def _own_and_reaped(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return time.clock_gettime(~pid << 3 | _PROCESS_WIDE) + (int(fields[13]) + int(fields[14])) / _TICKS
    except OSError:
        return 0.0  # it ended in this moment: its time is in its parent's from now on


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
