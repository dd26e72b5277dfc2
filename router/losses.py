"""Losing many at once: whether what a router sees of a pool is to be believed. A pure core.

A pool that all at once can't serve has lost what all of it needs (Postgres, a network), and somebody must answer the 503; the
router itself may be what is cut off. So the table stays until all are back, which they are within a second or two where it was
one cause, or until some have served for a while and the others still have not: the first one back must not get everybody.
"""

from collections.abc import Collection, Set

WINDOW_S = 10.0


class Losses:
    """The memory of one pool. *lost_from*: who served in the time before the freeze."""

    def __init__(self) -> None:
        self.is_frozen = False
        self.lost_from: frozenset[str] = frozenset()
        self._served_at: dict[str, float] = {}
        self._some_since: float | None = None

    def judge(self, active: Set[str], excused: Collection[str], now: float) -> bool:
        """Say whether the table is to stay as it was; *excused* are those who left by their own word."""
        if self.is_frozen:
            self._thaw(active, excused, now)
        else:
            self._freeze(active, excused, now)
        return self.is_frozen

    def _freeze(self, active: Set[str], excused: Collection[str], now: float) -> None:
        self._served_at |= dict.fromkeys(active, now)
        self._served_at = {n: at for n, at in self._served_at.items() if now - at < WINDOW_S and n not in excused}
        if not active or len(active) * 2 < len(self._served_at):
            self.is_frozen = True
            self.lost_from = frozenset(self._served_at)
            self._some_since = now if active else None

    def _thaw(self, active: Set[str], excused: Collection[str], now: float) -> None:
        self.lost_from -= set(excused)
        if not active:
            self._some_since = None
            return
        self._some_since = now if self._some_since is None else self._some_since
        if active >= self.lost_from or now - self._some_since >= WINDOW_S:
            self.is_frozen = False
            self._served_at = dict.fromkeys(active, now)
