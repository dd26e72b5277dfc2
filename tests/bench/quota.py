"""Holds a process to a part of a core, by the kernel's bandwidth control; it needs root."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
PERIOD_US = 10_000  # short, so that who has used up its part waits for some milliseconds at most


def can_hold() -> bool:
    """Say whether this machine lets us."""
    return _root() is not None


@contextmanager
def held(pids: Sequence[int], share: float) -> Iterator[None]:
    """Give each of *pids* that *share* of a core, while this lasts."""
    root = _root()
    assert root is not None, "can_hold says whether"
    with ExitStack() as stack:
        for pid in pids:
            stack.enter_context(_held(root, pid, share))
        yield


@contextmanager
def _held(root: Path, pid: int, share: float) -> Iterator[None]:
    group = root / f"ringpost-{pid}"
    group.mkdir()
    try:
        quota = int(share * PERIOD_US)
        if (root / "cpu.cfs_quota_us").exists():
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        if Path(f"/proc/{pid}").exists():
            (root / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def _root() -> Path | None:
    """Return the folder of the hierarchy that controls processor time, of version 1 or 2, if we may write to it."""
    for root in ROOTS:
        controllers = root / "cgroup.controllers"
        is_second = controllers.exists() and "cpu" in controllers.read_text().split()
        if (root / "cpu.cfs_quota_us").exists() or is_second:
            probe = root / "ringpost-probe"
            try:
                probe.mkdir()
                probe.rmdir()
            except OSError:
                return None
            return root
    return None
