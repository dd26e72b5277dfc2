"""Believes nothing: every send, its acknowledgement and each delivery of it, checked as they come. A pure core.

A send is done when it was acknowledged and every receiver has had it. What must hold:

- each acknowledgement is of a send that was made, comes once each time it was sent, and gives it a seq of its own in its
  conversation, the same each time;
- each delivery is of a send that was made, under the seq that was acknowledged;
- a receiver has each (conversation, seq) once: in order and without a hole where the system promises that (`InOrder`).
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.bench.failure import Failed

SHOWN = 5


class Sent:
    """One send. *unacked*: how many acknowledgements are still to come; *left*: how many of these and of deliveries."""

    __slots__ = ("at", "conversation", "id", "left", "on_done", "seq", "unacked")

    def __init__(self, id: str, conversation: str, receivers: int, times: int, at: float, on_done: Callable[[], None]) -> None:
        self.id, self.conversation, self.at, self.on_done = id, conversation, at, on_done
        self.left, self.unacked = receivers + times, times
        self.seq = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a frame or an answer delivers: the seqs *first* … *last* of a conversation, and the sends that they are."""

    conversation: str
    first: int
    last: int
    sends: Sequence[Sent]


class Copy(Protocol):
    """What one receiver has."""

    def has_next(self, told: Told) -> bool:
        """Take what was told; False if it must not come now."""


class InOrder:
    """A receiver who is promised each conversation without a hole; *positions* are where it starts."""

    def __init__(self, positions: Mapping[str, int]) -> None:
        self.positions = dict(positions)

    def has_next(self, told: Told) -> bool:
        is_next = self.positions.get(told.conversation, 0) + 1 == told.first
        self.positions[told.conversation] = told.last
        return is_next


class AnyOrder:
    """A receiver who is promised each seq once, in no order."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def has_next(self, told: Told) -> bool:
        is_new = (told.conversation, told.first) not in self._seen and told.first == told.last
        self._seen.add((told.conversation, told.first))
        return is_new


class Ledger:
    """All sends of one run, each sent so many *times*. *delays* are seconds from a send to each delivery of it.

    *doubtful* are the ids of sends of which nobody was told whether they are stored.
    """

    def __init__(self, times: int = 1) -> None:
        self._times = times
        self._sent: dict[str, Sent] = {}
        self._ids: dict[tuple[str, int], str] = {}
        self.acked = self.refused = self.delivered = self.done = 0
        self.delays = array("d")
        self.faults: list[str] = []
        self.doubtful: set[str] = set()

    @property
    def sends(self) -> Iterable[Sent]:
        """All sends, in the order in which they were made."""
        return self._sent.values()

    def send(self, id: str, conversation: str, receivers: int, now: float, on_done: Callable[[], None]) -> None:
        """Note a send, just before it goes out; *on_done* is called when it is done."""
        self._sent[id] = Sent(id, conversation, receivers, self._times, now, on_done)

    def ack(self, conversation: str, id: str, seq: int) -> None:
        sent = self._sent.get(id)
        if sent is None or sent.conversation != conversation:
            self.fault(f"an acknowledgement of {id}, which was never sent there")
        elif not sent.unacked:
            self.fault(f"{id} was acknowledged more often than it was sent")
        elif self._is_number_of(sent, seq):
            self.acked += sent.unacked == self._times
            sent.unacked -= 1
            self._lessen(sent)

    def refuse(self, id: str, *, is_final: bool = True) -> None:
        """Note that a send was refused: it counts as never made. If that *is_final*, it is not stored; else nobody knows."""
        sent = self._sent.get(id)
        if sent is None or sent.seq:
            self.fault(f"a refusal of {id}, which was not under way")
            return
        del self._sent[id]
        self.refused += 1
        if not is_final:
            self.doubtful.add(id)

    def tell(self, conversation: str, events: Sequence[tuple[int, str]]) -> Told:
        """Return what *events* (seq, id) deliver, whoever gets them; many receivers of the same bytes share one."""
        sends = [sent for seq, id in events if (sent := self._find(conversation, seq, id)) is not None]
        first, last = events[0][0], events[-1][0]
        if last - first + 1 != len(events):
            self.fault(f"{first} to {last} came with {len(events)} events")
        return Told(conversation, first, last, sends)

    def deliver(self, copy: Copy, told: Told, now: float) -> None:
        """Note that a receiver, who has *copy*, was told this."""
        if not copy.has_next(told):
            self.fault(f"{told.first} to {told.last} of {told.conversation} came out of turn")
            return
        for sent in told.sends:
            self.delays.append(now - sent.at)
            self._lessen(sent)
        self.delivered += len(told.sends)

    def fault(self, words: str) -> None:
        self.faults.append(words)

    def is_settled(self) -> bool:
        """Say whether nothing more can come, because all is done or something is wrong."""
        return self.done == len(self._sent) or bool(self.faults)

    def check(self) -> None:
        """Raise Failed unless every send was acknowledged as often as sent, and delivered once to each of its receivers."""
        faults = list(self.faults)
        faults += [f"{sent.id} still lacks {sent.left} of its answers" for sent in self._sent.values() if sent.left]
        if faults:
            raise Failed(f"{len(faults)} faults in what was delivered, the first: " + "; ".join(faults[:SHOWN]))

    def _find(self, conversation: str, seq: int, id: str) -> Sent | None:
        sent = self._sent.get(id)
        if sent is None or sent.conversation != conversation:
            self.fault(f"a delivery of {id} as {seq}, which was never sent there")
            return None
        return sent if self._is_number_of(sent, seq) else None

    def _is_number_of(self, sent: Sent, seq: int) -> bool:
        sent.seq = sent.seq or seq
        is_right = sent.seq == seq and self._ids.setdefault((sent.conversation, seq), sent.id) == sent.id
        if not is_right:
            self.fault(f"{sent.id} was told as {sent.seq} and as {seq}, or {seq} is another's")
        return is_right

    def _lessen(self, sent: Sent) -> None:
        sent.left -= 1
        if sent.left == 0:
            self.done += 1
            sent.on_done()
