"""What must hold whatever was killed, counted. Pure, and knows nothing of the system that it judges.

| fault        | what it counts                                                                                      |
|--------------|-----------------------------------------------------------------------------------------------------|
| `lost`       | a send that was acknowledged and is not stored, or not with its text: K ⊆ S                         |
| `invented`   | a message that is stored and that nobody sent, or not with this text: S ⊆ A                         |
| `refused`    | a send that was finally refused and is stored: F ∩ S = ∅                                            |
| `accepted`   | a send that had to be refused and was acknowledged                                                  |
| `twice`      | a row too many of one (conversation, sender, id)                                                    |
| `renumbered` | an acknowledgement with another seq than the row has                                                |
| `holes`      | an entry of a log whose number is not that of the one before it and 1                               |
| `disordered` | a pipelined send that is stored before one that was pipelined earlier; a send that began after      |
|              | another's acknowledgement, and stands before it                                                     |
| `changed`    | an entry that a reader was shown, and that the log does not have in that place                      |
| `unseen`     | an entry that a reader was not shown; one that was shown again, or out of turn                      |

A send whose outcome is unknown is stored once or not at all: `twice` and `invented` count what is otherwise.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from math import inf

from tests.faults.record import Entry, Record, Send

SHOWN = 20

Logs = Mapping[str, Sequence[Entry]]
Row = tuple[str, str, str]


class Fault(StrEnum):
    LOST = "lost"
    INVENTED = "invented"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    TWICE = "twice"
    RENUMBERED = "renumbered"
    HOLES = "holes"
    DISORDERED = "disordered"
    CHANGED = "changed"
    UNSEEN = "unseen"


Found = Iterator[tuple[Fault, str]]


@dataclass(slots=True)
class Verdict:
    """How often each fault was found, and the first few in words."""

    counts: Counter[Fault] = field(default_factory=lambda: Counter(dict.fromkeys(Fault, 0)))
    words: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return self.counts.total() == 0


def judge(record: Record, logs: Logs) -> Verdict:
    """Hold *record* against *logs*: the conversations as the history tells them now, each in the order it was told in."""
    verdict = Verdict()
    for fault, words in _faults(record, logs):
        verdict.counts[fault] += 1
        if len(verdict.words) < SHOWN:
            verdict.words.append(f"{fault}: {words}")
    return verdict


def _faults(record: Record, logs: Logs) -> Found:
    rows = _rows(logs)
    yield from _check_sends(record.sends, rows)
    yield from _check_rows(record.sends, rows)
    for conversation, entries in logs.items():
        yield from _check_places(conversation, entries)
    yield from _check_pipelines(record.sends, rows)
    yield from _check_moments(record.sends, rows)
    for reader, seen in record.seen.items():
        for conversation, entries in logs.items():
            yield from _check_reader(f"{reader} in {conversation}", seen.get(conversation, []), entries)


def _rows(logs: Logs) -> dict[Row, list[Entry]]:
    """Return the messages by (conversation, sender, id): one each, if all is well."""
    rows: dict[Row, list[Entry]] = {}
    for conversation, entries in logs.items():
        for entry in entries:
            if entry.type == "message":
                rows.setdefault((conversation, entry.sender, entry.id), []).append(entry)
    return rows


def _row(send: Send) -> Row:
    return send.conversation, send.sender, send.id


def _check_sends(sends: Sequence[Send], rows: Mapping[Row, Sequence[Entry]]) -> Found:
    for send in sends:
        stored = [entry for entry in rows.get(_row(send), ()) if entry.text == send.text]
        if send.acks and not stored:
            yield Fault.LOST, f"{send.id}, acknowledged as {send.acks[0].seq}"
        if send.refusals and stored:
            yield Fault.REFUSED, f"{send.id}, refused as {send.refusals[0]}, is {stored[0].seq}"
        if send.is_bad and send.acks:
            yield Fault.ACCEPTED, f"{send.id}, acknowledged as {send.acks[0].seq}"
        right = stored[0].seq if stored else send.acks[0].seq if send.acks else 0
        for ack in send.acks:
            if ack.seq != right:
                yield Fault.RENUMBERED, f"{send.id}, which is {right}, was acknowledged as {ack.seq}"


def _check_rows(sends: Sequence[Send], rows: Mapping[Row, Sequence[Entry]]) -> Found:
    attempted = {(_row(send), send.text) for send in sends}
    for row, entries in rows.items():
        for entry in entries:
            if (row, entry.text) not in attempted:
                yield Fault.INVENTED, f"{entry.id} as {entry.seq} of {row[0]}"
        for entry in entries[1:]:
            yield Fault.TWICE, f"{entry.id} is {entries[0].seq} and {entry.seq}"


def _check_places(conversation: str, entries: Sequence[Entry]) -> Found:
    for before, seq in pairwise([0, *(entry.seq for entry in entries)]):
        if seq != before + 1:
            yield Fault.HOLES, f"{seq} follows {before} in {conversation}"


def _check_pipelines(sends: Sequence[Send], rows: Mapping[Row, Sequence[Entry]]) -> Found:
    highest: dict[tuple[str, str], int] = {}
    for send in sends:
        if send.is_pipelined and _row(send) in rows:
            lane, seq = (send.conversation, send.sender), rows[_row(send)][0].seq
            if seq < highest.get(lane, 0):
                yield Fault.DISORDERED, f"{send.id} is {seq}, and was sent after {highest[lane]}"
            highest[lane] = max(seq, highest.get(lane, 0))


def _check_moments(sends: Sequence[Send], rows: Mapping[Row, Sequence[Entry]]) -> Found:
    """From the last to the first: none that stands behind was acknowledged before this one began."""
    stored = [(rows[_row(send)][0].seq, send) for send in sends if _row(send) in rows and not send.is_bad]
    earliest: dict[str, float] = {}
    for seq, send in sorted(stored, key=lambda pair: -pair[0]):
        known = earliest.get(send.conversation, inf)
        if known < send.began:
            yield Fault.DISORDERED, f"{send.id} is {seq}, and began after a later one was acknowledged"
        earliest[send.conversation] = min([known, *(ack.at for ack in send.acks)])


def _check_reader(where: str, seen: Sequence[Entry], entries: Sequence[Entry]) -> Found:
    """What was shown must be the log, from its first entry to its last."""
    there = {entry.seq: entry for entry in entries}
    for entry in seen:
        if there.get(entry.seq) != entry:
            yield Fault.CHANGED, f"{where}: {entry.seq} was {entry.id}"
    for before, seq in pairwise([0, *(entry.seq for entry in seen)]):
        if seq != before + 1:
            yield Fault.UNSEEN, f"{where}: {seq} was shown after {before}"
    for seq in sorted(there.keys() - {entry.seq for entry in seen}):
        yield Fault.UNSEEN, f"{where}: {seq} was not shown"
