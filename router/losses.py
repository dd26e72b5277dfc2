"""Losing many at once: whether what a router sees of a pool is to be believed. A pure core.

A pool that all at once can't serve has lost what all of it needs (Postgres, a network), and somebody must answer the 503; the
router itself may be what is cut off. So the table stays until most are back, or until some have served for a while
and the others still have not.
"""

from collections.abc import Collection, Set

WINDOW_S = 10.0


class Losses:
    """The memory of one pool."""

    def __init__(self) -> None:
        self.is_frozen = False
        self._served_at: dict[str, float] = {}
        self._lost_from: frozenset[str] = frozenset()
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
            self._lost_from = frozenset(self._served_at)
            self._some_since = now if active else None

    def _thaw(self, active: Set[str], excused: Collection[str], now: float) -> None:
        self._lost_from -= set(excused)
        if not active:
            self._some_since = None
            return
        self._some_since = now if self._some_since is None else self._some_since
        if len(active) * 2 >= len(self._lost_from) or now - self._some_since >= WINDOW_S:
            self.is_frozen = False
            self._served_at = dict.fromkeys(active, now)
