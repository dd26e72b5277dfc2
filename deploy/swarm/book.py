"""What a process of the swarm was told, and whether that holds together. A pure core.

Each guest must get each log without a hole, each seq once and in order; all guests must be told the same of a seq. What the
senders were told is compared in the end: `Report.logs` beside the acknowledgements.
"""

from dataclasses import dataclass, field

from deploy.swarm.frames import Frame, read
from deploy.swarm.stamp import digest, due_of

MOST_KNOWN, SHOWN = 4_000, 5


@dataclass(frozen=True, slots=True)
class Told:
    """The events *first* … *last* of a conversation; *dues*: when each send among them was due."""

    conversation: str
    first: int
    last: int
    dues: tuple[int, ...]


@dataclass(slots=True)
class Book:
    """One process's. *logs*: for each conversation that somebody said something in, what its sends add up to (`digest`)."""

    fault_count: int = 0
    faults: list[str] = field(default_factory=list)
    logs: dict[str, int] = field(default_factory=dict)
    _ids: dict[tuple[str, int], str] = field(default_factory=dict, repr=False)
    _names: dict[str, str] = field(default_factory=dict, repr=False)
    _known: dict[bytes, Told] = field(default_factory=dict, repr=False)

    def open(self, payload: bytes) -> Told | Frame:
        """Return what a frame tells. Those of a room get the same bytes, which are read once."""
        told = self._known.get(payload)
        if told is not None:
            return told
        frame = read(payload)
        if frame.type != "events":
            return frame
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        told = self._known[payload] = self._tell(frame)
        return told

    def name(self, conversation: str) -> str:
        """Return the one string that stands for this conversation with everybody."""
        return self._names.setdefault(conversation, conversation)

    def fault(self, words: str) -> None:
        self.fault_count += 1
        if len(self.faults) < SHOWN:
            self.faults.append(words)

    def _tell(self, frame: Frame) -> Told:
        conversation = self.name(frame.conversation)
        if [event.seq for event in frame.events] != list(range(frame.first, frame.last + 1)):
            self.fault(f"a frame of {conversation} is not all of {frame.first} to {frame.last}")
        sends = [event for event in frame.events if event.type == "message"]
        for event in sends:
            self._note(conversation, event.seq, event.id)
        return Told(conversation, frame.first, frame.last, tuple(due_of(event.id) for event in sends))

    def _note(self, conversation: str, seq: int, id: str) -> None:
        known = self._ids.setdefault((conversation, seq), id)
        if known is not id and known != id:
            self.fault(f"{seq} of {conversation} was told as {known} and as {id}")
        elif known is id:
            self.logs[conversation] = self.logs.get(conversation, 0) ^ digest(id, seq)


class Copy:
    """What one guest has."""

    __slots__ = ("epoch", "positions")

    def __init__(self) -> None:
        self.epoch = ""
        self.positions: dict[str, int] = {}

    def welcome(self, frame: Frame, book: Book) -> None:
        """Take the answer to a hello: of each conversation, what comes must go on where we are."""
        if self.epoch not in ("", frame.epoch):
            book.fault("the epoch changed")
        self.epoch = book.name(frame.epoch)
        for named in frame.ranges:
            conversation = book.name(named.conversation)
            at = self.positions.setdefault(conversation, named.first - 1)
            if named.first != at + 1:
                book.fault(f"{conversation} goes on at {named.first} for one who has {at}")

    def take(self, told: Told, book: Book) -> bool:
        """Take what was told; False, and a fault, if it must not come now."""
        at = self.positions.get(told.conversation, -1)
        if told.first != at + 1:
            book.fault(f"{told.first} to {told.last} of {told.conversation} came to one who has {at}")
            return False
        self.positions[told.conversation] = told.last
        return True
