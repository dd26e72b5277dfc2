"""When to ping, and when a silent peer is given up. A pure core."""

SILENT_HEARTBEATS = 2.5


class Heartbeat:
    """Both ways: we ping so that the service hears us, and its pong is how we hear it."""

    __slots__ = ("_heard_at", "_heartbeat_s", "_pinged_at")

    def __init__(self, heartbeat_s: float, now: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._heard_at = self._pinged_at = now

    @property
    def ping_at(self) -> float:
        """When a ping is due."""
        return self._pinged_at + self._heartbeat_s

    @property
    def cut_at(self) -> float:
        """When a peer that stays silent is given up."""
        return self._heard_at + SILENT_HEARTBEATS * self._heartbeat_s

    def hear(self, now: float) -> None:
        """Something came."""
        self._heard_at = now

    def pinged(self, now: float) -> None:
        """A ping went out."""
        self._pinged_at = now

    def doubt(self, now: float) -> None:
        """The path may be gone: a peer that says nothing is given up after one heartbeat from now."""
        self._heard_at = min(self._heard_at, now - (SILENT_HEARTBEATS - 1) * self._heartbeat_s)
