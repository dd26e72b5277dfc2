"""Makes a failing schedule small: takes steps away as long as what is left still fails. A pure core.

The idea is delta debugging's (Zeller, "Simplifying and Isolating Failure-Inducing Input"): halves first, then smaller pieces.
"""

from deploy.fuzz.schedule import Schedule, Step


class Shrinker:
    """Run what `candidate` says, tell `judge`; `best` is the smallest that failed. *tries* bounds how many are run in all."""

    def __init__(self, failing: Schedule, tries: int) -> None:
        self.best = failing
        self._tries_left = tries
        self._size = max(len(failing.steps) // 2, 1)
        self._at = 0
        self._has_shrunk = False

    def candidate(self) -> Schedule | None:
        """Return what to run next; None when no step can be taken away, or no try is left."""
        if self._tries_left <= 0 or self._size == 0 or not self.best.steps:
            return None
        return self.best.with_steps(self._rest())

    def judge(self, *, fails: bool) -> None:
        """Take how the candidate went."""
        self._tries_left -= 1
        if fails:
            self.best, self._has_shrunk = self.best.with_steps(self._rest()), True
        else:
            self._at += self._size
        if self._at >= len(self.best.steps):
            self._begin_anew()

    def _begin_anew(self) -> None:
        """From the first step again, with smaller pieces; with single steps as long as one of them could be taken away."""
        if self._size > 1 or not self._has_shrunk:
            self._size //= 2
        self._at, self._has_shrunk = 0, False

    def _rest(self) -> tuple[Step, ...]:
        steps = self.best.steps
        return steps[: self._at] + steps[self._at + self._size :]
