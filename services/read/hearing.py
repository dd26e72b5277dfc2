"""Whether a gateway hears what is published: by numbered canaries that it sends to itself.

A pure core; *now* is in seconds of a clock that never goes back. Deaf is who sent a canary that Redis took and that did not
come back, though Redis went on answering. Where Redis does not answer either, nobody is deaf: Redis is away.
"""

from collections import deque

DEAF_AFTER_S, ANSWERED_AFTER_S, REOPEN_S = 1.8, 0.4, 3.0


class Hearing:
    """The canaries that are out."""

    def __init__(self) -> None:
        self._out: deque[tuple[int, float]] = deque()
        self._answered_at = self._reopened_at = float("-inf")
        self._last = self._heard = 0

    def send(self) -> int:
        """Return the number of the next canary."""
        self._last += 1
        return self._last

    def answered(self, canary: int, now: float) -> None:
        """Redis took *canary*, which may have come back before that."""
        self._answered_at = now
        if canary > self._heard:
            self._out.append((canary, now))

    def heard(self, canary: int) -> None:
        """*canary* came back, so those before it will not be waited for. One that was never sent is another's."""
        if canary > self._last:
            return
        self._heard = max(self._heard, canary)
        while self._out and self._out[0][0] <= canary:
            self._out.popleft()

    def lag_s(self, now: float) -> float:
        """Return for how long the oldest canary has been out; 0 if none is."""
        return now - self._out[0][1] if self._out else 0.0

    def is_deaf(self, now: float) -> bool:
        return self.lag_s(now) > DEAF_AFTER_S and self._answered_at - self._out[0][1] > ANSWERED_AFTER_S

    def must_reopen(self, now: float) -> bool:
        """Say whether the subscription is to be torn down and opened anew, now and then while deaf."""
        if not self.is_deaf(now) or now - self._reopened_at < REOPEN_S:
            return False
        self._reopened_at = now
        return True
