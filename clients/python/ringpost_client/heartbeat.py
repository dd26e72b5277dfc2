"""When to ping, and when a silent peer is given up. A pure core."""

SILENT_HEARTBEATS = 2.5


class Heartbeat:
    """Both ways: we ping so that the service hears us, and its pong is how we hear it."""

    __slots__ = ("_heard_at", "_heartbeat_s", "_pinged_at")

    def __init__(self, heartbeat_s: float, now: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._heard_at = self._pinged_at = now

    def hear(self, now: float) -> None:
        """Something came."""
        self._heard_at = now

    def is_silent(self, now: float) -> bool:
        """Say whether the peer has been silent for too long."""
        return now - self._heard_at > SILENT_HEARTBEATS * self._heartbeat_s

    def takes_ping(self, now: float) -> bool:
        """Say whether a ping is due; it counts as sent then."""
        if now - self._pinged_at < self._heartbeat_s:
            return False
        self._pinged_at = now
        return True

    def pause(self, now: float) -> float:
        """Return the seconds until there is something to decide."""
        ping_s = self._pinged_at + self._heartbeat_s - now
        cut_s = self._heard_at + SILENT_HEARTBEATS * self._heartbeat_s - now
        return max(0.05, min(ping_s, cut_s))
