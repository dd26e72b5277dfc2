"""How many messages are unread, as all devices count them (docs/protocol.md, "Read markers"). A pure core."""

from bisect import bisect_right
from dataclasses import dataclass, field

from ringpost_client.events import Event

MOST_SEQS = 1_000


@dataclass(slots=True)
class _Count:
    head: int
    unread: int
    later: list[int] = field(default_factory=list)


class Counts:
    """Goes on from what the service says of a moment: the messages of others that came after it count too.

    A conversation of which it has said nothing yet has no count.
    """

    def __init__(self) -> None:
        self._of: dict[str, _Count] = {}

    def of(self, conversation: str) -> int | None:
        """Return how many are unread; None: not known."""
        count = self._of.get(conversation)
        return None if count is None else count.unread + len(count.later)

    def take(self, conversation: str, head: int, unread: int) -> None:
        """The service says: *unread* as of *head*. What it says of an earlier moment than before is taken all the same."""
        count = self._of.setdefault(conversation, _Count(head, unread))
        count.later = count.later[bisect_right(count.later, head) :]
        count.head, count.unread = head, unread

    def see(self, event: Event, user: str) -> None:
        """An event came, in order; *user* is who reads. What the inbox says is left counts no longer."""
        if event.conversation is None and event.type in ("left", "removed"):
            self._of.pop(str(event.fields["conversation"]), None)
        count = self._of.get(event.conversation or "")
        if count is None or event.type != "message" or event.sender == user:
            return
        if event.seq > max(count.head, count.later[-1] if count.later else 0):
            count.later.append(event.seq)
            if len(count.later) > MOST_SEQS:
                count.head, count.unread = count.later.pop(0), count.unread + 1
