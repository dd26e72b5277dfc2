"""What a reader has: for each log the highest seq up to which it has every event, under an epoch. A pure core."""

from collections.abc import Mapping, Sequence
from typing import Any

from ringpost_client.events import Event


class Hole(Exception):
    """What came does not continue what is there: connect again with the positions."""


class Positions:
    """Takes the read socket's frames; hands out each event once, in order, without a hole.

    *repeats* counts events that came although they were there already; they are dropped.
    """

    def __init__(self, epoch: str | None = None, inbox: int = 0, of: Mapping[str, int] | None = None) -> None:
        self.epoch, self.inbox = epoch, inbox
        self.of = dict(of or {})
        self.repeats = 0
        self._starts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Positions(epoch={self.epoch}, inbox={self.inbox}, conversations={len(self.of)})"

    def cursor(self) -> dict[str, Any]:
        """Return what a hello or a poll says of them."""
        return {"epoch": self.epoch, "inbox": self.inbox, "positions": dict(self.of)} if self.epoch else {}

    def welcome(self, epoch: str, inbox: int, ranges: Sequence[Mapping[str, Any]], said_inbox: int) -> None:
        """Take the answer to a hello that said `cursor()`, with *said_inbox* in it; another socket may have moved on since."""
        if epoch != self.epoch:
            self.epoch, self.inbox = epoch, 0
            self.of.clear()
        if inbox < said_inbox:
            self.inbox = 0
        self._starts.clear()
        for named in ranges:
            self.take_range(named)

    def take_range(self, named: Mapping[str, Any]) -> None:
        """Take where a conversation goes on. What is left out before it (`complete: false`) is not ours to see."""
        conversation, start = str(named["conversation"]), int(named["from"]) - 1
        position = self.of.get(conversation)
        self._starts[conversation] = start
        if position is None:
            self.of[conversation] = start
        elif start > position:
            if named.get("complete", True):
                raise Hole(f"{conversation}: the range begins at {start + 1}, and {position} is where we are")
            self.of[conversation] = start

    def lose(self, conversation: str | None) -> None:
        """A position (None: the inbox's) counts no longer: its events come anew from where its range begins."""
        if conversation is None:
            self.inbox = 0
        else:
            self.of[conversation] = self._starts.get(conversation, 0)

    def apply(self, conversation: str | None, frame: Mapping[str, Any]) -> list[Event]:
        """Return the events of a frame that are new, and move on.

        Raises:
            Hole: it begins too late, or is not all of the range that it names. Nothing has moved then.
        """
        first, last, events = frame["from"], frame["to"], frame["events"]
        position = self.inbox if conversation is None else self.of.get(conversation)
        if position is None or first > position + 1:
            raise Hole(f"{conversation or 'inbox'}: {first} came after {position}")
        if len(events) != last - first + 1 or any(event["seq"] != first + n for n, event in enumerate(events)):
            raise Hole(f"{conversation or 'inbox'}: not all of {first} to {last}")
        fresh = events[position - first + 1 :] if first <= position else events
        self.repeats += len(events) - len(fresh)
        if fresh:
            self._advance(conversation, last)
        return [Event(conversation, event["seq"], event["type"], event) for event in fresh]

    def see(self, event: Event) -> None:
        """Count *event* as seen, where its predecessor was."""
        self._advance(event.conversation, event.seq)

    def _advance(self, conversation: str | None, seq: int) -> None:
        if conversation is None:
            self.inbox = seq
        else:
            self.of[conversation] = seq
