"""How long to wait before the next try: full jitter, as in AWS's "Exponential Backoff And Jitter"."""


class Backoff:
    """Counts the tries since something last went well. Its randomness is an argument, so a test needs no clock."""

    __slots__ = ("_base_s", "_cap_s", "_tries")

    def __init__(self, base_s: float = 0.5, cap_s: float = 30.0) -> None:
        self._base_s, self._cap_s = base_s, cap_s
        self._tries = 0

    def __repr__(self) -> str:
        return f"Backoff(tries={self._tries})"

    def next(self, chance: float, retry_after_s: float | None = None, spread_s: float = 0.0) -> float:
        """Return the seconds to wait now; *chance* is a random number from 0 to 1.

        Never shorter than *retry_after_s*, where the service gave one: the jitter is then on top of it. It is as wide as
        *spread_s* at least, within which the service wants a crowd to come back.
        """
        # 2^60 steps would overflow nothing, but no wait needs more than these.
        ceiling_s = min(self._cap_s, self._base_s * 2.0 ** min(self._tries, 60))
        self._tries += 1
        return chance * max(ceiling_s, spread_s) + max(retry_after_s or 0.0, 0.0)

    def reset(self) -> None:
        """Something went well: the next wait is short again."""
        self._tries = 0
