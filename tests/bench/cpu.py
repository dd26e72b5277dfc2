"""The processor time that servers take."""

import time

import psutil

from tests.bench.cores import Cores

_PROCESS_WIDE = 2


class Meter:
    """Adds up the processor time of some processes and all their descendants, also of those that have ended since.

    Only the difference of two readings means anything.
    """

    def __init__(self, *pids: int) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]

    def seconds(self) -> float:
        """Return the processor time of the processes so far."""
        return sum(_own_and_reaped(process) for root in self._roots for process in (root, *root.children(recursive=True)))


def used_seconds(cores: Cores) -> float:
    """Return the processor time so far of whatever ran on *cores*; here too only a difference means anything."""
    times = psutil.cpu_times(percpu=True)
    return sum(sum(times[core]) - times[core].idle - times[core].iowait for core in {cores.servers, cores.load})


def _own_and_reaped(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        return time.clock_gettime(_clock_of(process.pid)) + times.children_user + times.children_system
    except (psutil.NoSuchProcess, OSError):
        return 0.0  # it ended in this moment: its time is in its parent's from now on


def _clock_of(pid: int) -> int:
    """Return the clock of a process's time in nanoseconds (clock_getcpuclockid(3)); psutil's counts in ticks of 10 ms."""
    return ~pid << 3 | _PROCESS_WIDE
