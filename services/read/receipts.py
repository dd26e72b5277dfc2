"""What is told of marks that moved: to the user's own sockets, and to the other members. A pure core."""

from collections.abc import Iterable
from uuid import UUID

from shared import frames
from shared.storage.markers import Key, Marker

REPEATED_FOR_S = 75.0
MOST = 20_000


def own_frame(marker: Marker) -> bytes:
    """Return the frame that tells the user where their read marker is."""
    about = {"conversation": marker.conversation, "seq": marker.read, "head": marker.head, "unread": marker.unread}
    return frames.encode({"type": "read"} | about)


def receipts_frames(moved: Iterable[Marker]) -> dict[UUID, bytes]:
    """Return one frame a conversation with all its members' marks that moved; none for large ones."""
    members: dict[UUID, dict[str, dict[str, int]]] = {}
    for marker in moved:
        if marker.is_small:
            about = {"read": marker.read, "delivered": marker.delivered}
            members.setdefault(marker.conversation, {})[marker.user] = about
    return {
        conversation: frames.encode({"type": "receipts", "conversation": conversation, "members": of})
        for conversation, of in members.items()
    }


class Repeats:
    """The markers that moved lately, to be told again: what got lost on the way is then made good."""

    def __init__(self) -> None:
        self._moved: dict[Key, tuple[float, bytes]] = {}

    def note(self, key: Key, frame: bytes, now: float) -> None:
        """Remember the latest *frame* for *key*."""
        self._moved.pop(key, None)  # what moved last stands last
        if len(self._moved) >= MOST:
            del self._moved[next(iter(self._moved))]
        self._moved[key] = now, frame

    def due(self, now: float) -> list[tuple[str, bytes]]:
        """Return (user, frame) of what moved lately, and forget the rest."""
        self._moved = {key: moved for key, moved in self._moved.items() if moved[0] + REPEATED_FOR_S > now}
        return [(user, frame) for (_, user), (_, frame) in self._moved.items()]
