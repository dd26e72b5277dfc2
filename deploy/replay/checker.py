"""Compares what was sent, what is stored and what each watcher saw. Pure, and knows nothing of the system that it checks.

| fault          | what it counts                                                                              |
|----------------|---------------------------------------------------------------------------------------------|
| `lost`         | a send that a copy does not have; a number that is missing in a copy                        |
| `duplicated`   | a send or a number that a copy has again                                                    |
| `out_of_order` | a number that came after a higher one; a send that stands before one that was sent earlier  |
| `altered`      | another text or sender than was sent; another number than was acknowledged; an entry that   |
|                | nobody sent, or that was refused                                                            |

A copy is a conversation as the history API tells it, as the database has it, or as one watcher saw it. Counts are sums over
copies.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """A send, in the order of the log. *seq* is what its acknowledgement said; None if none came."""

    id: str
    sender: str
    text: str
    seq: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a copy. One that is not a message (a creation, somebody who joined) has *is_message* False."""

    seq: int
    id: str
    sender: str
    text: str
    is_message: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """One conversation: the sends, those refused, and its copies in the order in which each was told. None: no such copy."""

    sent: Sequence[Sent]
    refused: frozenset[str]
    api: Sequence[Entry]
    select: Sequence[Entry] | None
    seen: Mapping[str, Sequence[Entry]]


@dataclass(slots=True)
class Verdict:
    """The counts, and the first few faults in words."""

    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    altered: int = 0
    disagreements: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.out_of_order or self.altered or self.disagreements)

    def note(self, where: str, fault: str) -> None:
        if len(self.faults) < SHOWN:
            self.faults.append(f"{where}: {fault}")


def check(histories: Mapping[str, History], *, by_sender: bool = False) -> Verdict:
    """Judge every conversation. *by_sender*: the sends of each sender keep their order, those of several need not."""
    verdict = Verdict()
    for name, history in histories.items():
        copies = {"api": history.api, **{f"watcher {watcher}": seen for watcher, seen in history.seen.items()}}
        if history.select is not None:
            copies["select"] = history.select
            _compare(verdict, name, history.api, history.select)
        for copy, entries in copies.items():
            _check_numbers(verdict, f"{name}, {copy}", entries)
            _check_sends(verdict, f"{name}, {copy}", history, entries)
            _check_order(verdict, f"{name}, {copy}", history.sent, entries, by_sender)
    return verdict


def _compare(verdict: Verdict, name: str, api: Sequence[Entry], select: Sequence[Entry]) -> None:
    """The API and the database must tell the same messages."""
    told, there = Counter(e for e in api if e.is_message), Counter(e for e in select if e.is_message)
    differing = sum(((told - there) + (there - told)).values())
    if differing:
        verdict.disagreements += differing
        verdict.note(name, f"the history API and the database differ in {differing} entries")


def _check_numbers(verdict: Verdict, where: str, entries: Sequence[Entry]) -> None:
    """Numbers ascend, each is there once."""
    highest = 0
    counts = Counter(entry.seq for entry in entries)
    for entry in entries:
        if entry.seq < highest:
            verdict.out_of_order += 1
            verdict.note(where, f"{entry.seq} came after {highest}")
        highest = max(highest, entry.seq)
    for seq, count in counts.items():
        if count > 1:
            verdict.duplicated += count - 1
            verdict.note(where, f"{seq} is there {count} times")


def _check_sends(verdict: Verdict, where: str, history: History, entries: Sequence[Entry]) -> None:
    """Each send is there once, as it was sent, and nothing else is."""
    sent = {send.id: send for send in history.sent}
    seqs_by_id: dict[str, set[int]] = {}
    for entry in entries:
        if entry.is_message:
            seqs_by_id.setdefault(entry.id, set()).add(entry.seq)
            _check_entry(verdict, where, sent.get(entry.id), history.refused, entry)
    for id, seqs in seqs_by_id.items():
        if len(seqs) > 1:
            verdict.duplicated += len(seqs) - 1
            verdict.note(where, f"{id} is there as {sorted(seqs)}")
    missing = [send for send in history.sent if send.id not in seqs_by_id and send.id not in history.refused]
    for send in missing:
        verdict.note(where, f"{send.id} is missing (acknowledged as {send.seq})")
    verdict.lost += max(len(missing), _count_holes(entries))
    if not missing and _count_holes(entries):
        verdict.note(where, f"{_count_holes(entries)} numbers are missing")


def _count_holes(entries: Iterable[Entry]) -> int:
    seqs = {entry.seq for entry in entries}
    return max(seqs, default=0) - len(seqs)


def _check_entry(verdict: Verdict, where: str, send: Sent | None, refused: frozenset[str], entry: Entry) -> None:
    fault = None
    if send is None or entry.id in refused:
        fault = "was refused" if entry.id in refused else "was never sent"
    elif (entry.sender, entry.text) != (send.sender, send.text):
        fault = "is not as it was sent"
    elif send.seq is not None and send.seq != entry.seq:
        fault = f"was acknowledged as {send.seq}"
    if fault:
        verdict.altered += 1
        verdict.note(where, f"{entry.seq} ({entry.id}) {fault}")


def _check_order(verdict: Verdict, where: str, sent: Sequence[Sent], entries: Sequence[Entry], by_sender: bool) -> None:
    """By number, the sends stand in the order in which they were sent."""
    places = {send.id: place for place, send in enumerate(sent)}
    last: dict[str, int] = {}
    first_seen = {entry.id: entry for entry in sorted(entries, key=lambda e: -e.seq) if entry.id in places}
    for entry in sorted(first_seen.values(), key=lambda e: e.seq):
        who = entry.sender if by_sender else ""
        if places[entry.id] < last.get(who, -1):
            verdict.out_of_order += 1
            verdict.note(where, f"{entry.seq} ({entry.id}) was sent before what stands above it")
        last[who] = max(last.get(who, -1), places[entry.id])
