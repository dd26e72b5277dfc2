"""Who may tell how often that they type. A pure core."""

from collections.abc import Hashable

CONVERSATION_S, SOCKET_S = 2.0, 0.2
MOST = 100_000


class TypingPace:
    """Lets through one a conversation and 2 s of each socket, and five a second of it in all; the rest may be dropped.

    *now* is in seconds of a clock that never goes back.
    """

    def __init__(self) -> None:
        self._again_at: dict[tuple[Hashable, Hashable], float] = {}

    def admit(self, socket: Hashable, conversation: Hashable, now: float) -> bool:
        """Say whether this one is passed on."""
        here, anywhere = (socket, conversation), (socket, None)
        if now < self._again_at.get(here, now) or now < self._again_at.get(anywhere, now):
            return False
        if len(self._again_at) >= MOST:
            self._again_at = {key: at for key, at in self._again_at.items() if at > now}
            if len(self._again_at) >= MOST:
                return False
        self._again_at[here], self._again_at[anywhere] = now + CONVERSATION_S, now + SOCKET_S
        return True
