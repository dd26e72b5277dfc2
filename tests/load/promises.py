"""What people were promised, and whether it is kept, while they chat. A pure core: times are given, in seconds.

| breach         | when                                                                                          |
|----------------|-----------------------------------------------------------------------------------------------|
| `lost`         | a socket skips a seq; somebody who is connected lacks what was acknowledged LOST_S ago          |
| `duplicated`   | a socket brings a seq again; one id under two seqs; one seq for two ids                         |
| `out of order` | a seq below the one before on the same socket; a sender's later message below an earlier one    |
| `altered`      | another text or sender than was sent; another seq than was acknowledged; what nobody sent       |
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOST_S, KEPT, SHOWN = 10.0, 200_000, 20


@dataclass(slots=True)
class Send:
    """One send. *due*: when it was to go out, which is where its delays begin."""

    id: str
    conversation: str
    sender: str
    text: str
    due: float
    seq: int | None = None
    is_acked: bool = False


@dataclass(slots=True)
class _Log:
    """A conversation. *fresh*: (when, seq) of what was acknowledged lately; *settled*: all up to there is old."""

    fresh: deque[tuple[float, int]] = field(default_factory=deque)
    settled: int = 0
    head: int = 0
    last: dict[str, tuple[float, int]] = field(default_factory=dict)


class Book:
    """All sends of one process, whoever made them, and the breaches."""

    def __init__(self) -> None:
        self._sends: OrderedDict[str, Send] = OrderedDict()
        self._ids: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._logs: dict[str, _Log] = {}
        self.breaches: Counter[str] = Counter()
        self.words: list[str] = []

    def send(self, send: Send) -> None:
        """Note a send before it goes out."""
        self._sends[send.id] = send
        if len(self._sends) > KEPT:
            self._sends.popitem(last=False)

    def ack(self, conversation: str, id: str, seq: int, now: float) -> Send | None:
        """Take an acknowledgement; return the send if this is its first one."""
        send = self._sends.get(id)
        if send is None or send.conversation != conversation:
            self.breach("altered", f"an acknowledgement of {id}, which nobody sent there")
            return None
        self._number(send, seq)
        if send.is_acked:
            return None
        send.is_acked = True
        self._check_order(send, seq)
        log = self._log(conversation)
        log.fresh.append((now, seq))
        log.head = max(log.head, seq)
        return send

    def deliver(self, conversation: str, event: Mapping[str, Any]) -> Send | None:
        """Take an event that somebody got; return the send that it is, None if it is none of this process."""
        seq, id = int(event["seq"]), str(event["id"])
        known = self._ids.setdefault((conversation, seq), id)
        if known != id:
            self.breach("duplicated", f"{seq} of {conversation} is {known} to one and {id} to another")
        if len(self._ids) > KEPT:
            self._ids.popitem(last=False)
        send = self._sends.get(id)
        if send is None or event["type"] != "message":
            return None
        self._number(send, seq)
        if (send.conversation, send.sender, send.text) != (conversation, event["sender"], event["text"]):
            self.breach("altered", f"{seq} of {conversation} ({id}) is not as it was sent")
        return send

    def settled(self, conversation: str, now: float) -> int:
        """Return the highest seq that was acknowledged LOST_S ago: whoever is connected has all up to it."""
        log = self._log(conversation)
        while log.fresh and log.fresh[0][0] <= now - LOST_S:
            log.settled = max(log.settled, log.fresh.popleft()[1])
        return log.settled

    def head(self, conversation: str) -> int:
        """Return the highest seq that was acknowledged."""
        return self._log(conversation).head

    def breach(self, kind: str, words: str) -> None:
        self.breaches[kind] += 1
        if len(self.words) < SHOWN:
            self.words.append(f"{kind}: {words}")

    def _number(self, send: Send, seq: int) -> None:
        if send.seq not in (None, seq):
            self.breach("duplicated", f"{send.id} is {send.seq} and {seq} of {send.conversation}")
        send.seq = seq
        if self._ids.setdefault((send.conversation, seq), send.id) != send.id:
            self.breach("duplicated", f"{seq} of {send.conversation} is {send.id} and another")

    def _check_order(self, send: Send, seq: int) -> None:
        """A sender's messages stand in the order in which they were sent; acknowledgements come in any."""
        last = self._log(send.conversation).last
        due, at = last.get(send.sender, (-1.0, 0))
        if (send.due > due) != (seq > at):
            self.breach("out of order", f"{seq} of {send.conversation} ({send.id}) against the order of sending")
        if send.due > due:
            last[send.sender] = (send.due, seq)

    def _log(self, conversation: str) -> _Log:
        return self._logs.setdefault(conversation, _Log())


class Sight:
    """What one person has, whatever the socket; a socket has a `Strand` of its own."""

    def __init__(self, name: str, book: Book) -> None:
        self.name, self._book = name, book
        self.epoch: str | None = None
        self.inbox = 0
        self.positions: dict[str, int] = {}
        self.repeats = 0

    def cursor(self) -> dict[str, Any]:
        """Return what a hello says."""
        return {"epoch": self.epoch, "inbox": self.inbox, "positions": dict(self.positions)} if self.epoch else {}

    def strand(self) -> "Strand":
        return Strand(self, self._book)

    def check(self, now: float) -> None:
        """See whether something is missing that must be here by now. Only for one who has been connected all the while."""
        for conversation, at in self.positions.items():
            settled = self._book.settled(conversation, now)
            if at < settled:
                self._book.breach("lost", f"{self.name} has {conversation} up to {at}, and {settled} is old")

    def lacks(self) -> list[str]:
        """Return the conversations of which something acknowledged is not here yet."""
        return [conversation for conversation, at in self.positions.items() if at < self._book.head(conversation)]


class Strand:
    """What one read socket brings. Each frame of a log must go on where the one before on this socket ended."""

    def __init__(self, sight: Sight, book: Book) -> None:
        self._sight, self._book = sight, book
        self._next: dict[str | None, int] = {}

    def welcome(self, frame: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        """Take the answer to the hello that said *said* (`Sight.cursor`)."""
        sight = self._sight
        if sight.epoch not in (None, frame["epoch"]):
            self._book.breach("altered", f"{sight.name} was welcomed under another epoch")
        sight.epoch = frame["epoch"]
        self._next[None] = int(said.get("inbox", 0)) + 1
        for named in frame["ranges"]:
            self.range(named, said.get("positions", {}))

    def range(self, named: Mapping[str, Any], said: Mapping[str, int]) -> None:
        """Take where a conversation goes on."""
        conversation, first = str(named["conversation"]), int(named["from"])
        self._next[conversation] = first
        at = said.get(conversation)
        if at is not None and first != at + 1:
            self._book.breach("lost", f"{conversation} goes on at {first} for {self._sight.name}, who said {at}")
        self._sight.positions.setdefault(conversation, first - 1)

    def take(self, frame: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Take a frame of events, or of the inbox; return the conversation's events that this person had not."""
        conversation = frame.get("conversation")
        first, last, events = int(frame["from"]), int(frame["to"]), frame["events"]
        self._continue(conversation, first, last)
        if [event["seq"] for event in events] != list(range(first, last + 1)):
            self._book.breach("lost", f"a frame of {conversation or 'the inbox'} is not all of {first} to {last}")
        if conversation is None:
            self._sight.inbox = max(self._sight.inbox, last)
            return ()
        at = self._sight.positions.get(conversation, first - 1)
        fresh = [event for event in events if event["seq"] > at]
        self._sight.repeats += len(events) - len(fresh)
        self._sight.positions[conversation] = max(at, last)
        return fresh

    def _continue(self, conversation: str | None, first: int, last: int) -> None:
        due = self._next.get(conversation)
        where = f"{first} of {conversation or 'the inbox'} came to {self._sight.name} in place of {due}"
        if due is None or first > due:
            self._book.breach("lost", where)
        elif first < due:
            self._book.breach("duplicated" if last < due else "out of order", where)
        self._next[conversation] = last + 1
