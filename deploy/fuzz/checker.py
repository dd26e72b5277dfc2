"""Judges a schedule by what its clients reported and what is stored. Pure, and knows nothing of the system nor of the SDKs.

| fault     | what it counts                                                                                           |
|-----------|----------------------------------------------------------------------------------------------------------|
| `lost`    | a send that was acknowledged, or that the SDK said was on its disk, and that is not stored               |
| `doubled` | a send that is stored more than once                                                                     |
| `swapped` | a send that stands before one that its device had said earlier; an event that the app saw too late       |
| `altered` | another text, sender or number than was said; something that nobody said                                 |
| `hole`    | a number that is not stored, or that an app was not shown                                                |
| `repeat`  | an event that an app saw again, though its SDK promised otherwise                                        |
| `stuck`   | something that did not come to its end in time, with everything mended                                   |
| `broken`  | a client that ended by itself, a send that was refused, an outbox that two processes had, a send left in |
|           | an outbox that was said to be empty                                                                      |

An SDK that keeps the positions writes them now and then: after a kill, events come again (`seen_again` counts them), but none
that a client had shown which was closed. Within one life of a process none does. An app that keeps them itself sees each once,
whatever happens.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deploy.fuzz.reports import Acked, Broken, Closed, Kept, Refused, Report, Said, Seen
from deploy.fuzz.schedule import Keeper
from deploy.replay.checker import Entry

KINDS = ("lost", "doubled", "swapped", "altered", "hole", "repeat", "stuck", "broken")
SHOWN, LONGEST_TEXT = 12, 40


@dataclass(frozen=True, slots=True)
class Account:
    """All that one device reported: the reports of each life of its process."""

    user: str
    keeper: Keeper
    lives: Sequence[Sequence[Report]]

    def all(self) -> Iterator[Report]:
        for life in self.lives:
            yield from life


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged. *stored*: each room's log, in the order in which it was told; *stuck*: what did not end in time."""

    accounts: Mapping[str, Account]
    stored: Mapping[str, Sequence[Entry]]
    stuck: Sequence[str] = ()


@dataclass(slots=True)
class Verdict:
    """The counts, and the first few faults in words."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seen_again: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.counts

    def note(self, kind: str, where: str, fault: str, many: int = 1) -> None:
        self.counts[kind] += many
        if len(self.faults) < SHOWN:
            self.faults.append(f"{kind}: {where}: {fault}")


def check(case: Case) -> Verdict:
    """Judge a schedule that has come to its end."""
    verdict = Verdict()
    for fault in case.stuck:
        verdict.note("stuck", "at the end", fault)
    for room, entries in case.stored.items():
        _check_numbers(verdict, room, entries)
        _check_stored(verdict, room, case.accounts, entries)
    for name, account in case.accounts.items():
        _check_reports(verdict, name, account)
        _check_sends(verdict, name, account, case.stored)
        for log in {report.room for report in account.all() if isinstance(report, Seen)} | set(case.stored):
            _Sight(verdict, f"{name}, {log or 'inbox'}", account.keeper).check(account, log, case.stored)
    return verdict


def _check_numbers(verdict: Verdict, room: str, entries: Sequence[Entry]) -> None:
    """A log is 1, 2, 3 … without a hole."""
    for expected, entry in enumerate(entries, 1):
        if entry.seq != expected:
            verdict.note("hole", room, f"stored is {entry.seq} in the place of {expected}")
            return


def _check_stored(verdict: Verdict, room: str, accounts: Mapping[str, Account], entries: Sequence[Entry]) -> None:
    """What is stored was said, by who is named, and stands there once."""
    said = {
        report.text: account.user
        for account in accounts.values()
        for report in account.all()
        if isinstance(report, Said) and report.room == room
    }
    messages = [entry for entry in entries if entry.is_message]
    for entry in messages:
        if said.get(entry.text) != entry.sender:
            verdict.note("altered", room, f"{entry.seq} was not said by {entry.sender}: {_short(entry.text)}")
    for text, count in Counter(entry.text for entry in messages).items():
        if count > 1:
            verdict.note("doubled", room, f"{_short(text)} is stored {count} times", count - 1)


def _check_reports(verdict: Verdict, name: str, account: Account) -> None:
    for report in account.all():
        if isinstance(report, Broken):
            verdict.note("broken", name, report.fault)
        elif isinstance(report, Refused):
            verdict.note("broken", name, f"{_short(report.text)} was refused: {report.code}")
    last = next((life[-1] for life in reversed(account.lives) if life), None)
    if isinstance(last, Closed) and last.left:
        verdict.note("broken", name, f"{last.left} sends were in the outbox at the end")


def _check_sends(verdict: Verdict, name: str, account: Account, stored: Mapping[str, Sequence[Entry]]) -> None:
    """What was acknowledged or on the disk is stored where it was said to be, in the order in which it was said."""
    places = {(room, entry.text): entry.seq for room, entries in stored.items() for entry in entries if entry.is_message}
    rooms = {report.text: report.room for report in account.all() if isinstance(report, Said)}
    owed = {report.text: None for report in account.all() if isinstance(report, Kept | Acked)}
    for text in owed:
        if (rooms[text], text) not in places:
            verdict.note("lost", name, f"{_short(text)} is not stored")
    for report in account.all():
        if isinstance(report, Acked) and places.get((rooms[report.text], report.text), report.seq) != report.seq:
            verdict.note("altered", name, f"{_short(report.text)} was acknowledged as {report.seq}")
    highest: Counter[str] = Counter()
    for text, room in rooms.items():
        seq = places.get((room, text))
        if seq is not None and seq < highest[room]:
            verdict.note("swapped", name, f"{_short(text)} is {seq}, before what was said earlier")
        highest[room] = max(highest[room], seq or 0)


class _Sight:
    """What one app saw of one log: `highest` so far, and the `floor`, at or below which nothing may come again."""

    def __init__(self, verdict: Verdict, where: str, keeper: Keeper) -> None:
        self._verdict, self._where, self._keeper = verdict, where, keeper
        self._highest = self._floor = 0

    def check(self, account: Account, room: str | None, stored: Mapping[str, Sequence[Entry]]) -> None:
        entries = {entry.seq: entry for entry in stored.get(room, ())} if room is not None else {}
        for life in account.lives:
            shown = [report for report in life if isinstance(report, Seen) and report.room == room]
            self._take([report.seq for report in shown])
            if self._keeper is Keeper.APP:
                self._floor = self._highest
            elif shown and isinstance(life[-1], Closed):
                self._floor = max(self._floor, *(report.seq for report in shown))
            for report in shown if room is not None else ():
                self._compare(report, entries.get(report.seq))
        head = max(entries, default=0)
        if self._highest < head:
            self._note("hole", f"the app saw up to {self._highest} of {head}", head - self._highest)

    def _take(self, seqs: Sequence[int]) -> None:
        """One life: each number once, ascending, from where the last one was, or from further back as far as it may."""
        if not seqs:
            return
        seen: set[int] = set()
        before, top = self._highest, 0
        for seq in seqs:
            if seq in seen or seq <= self._floor:
                self._note("repeat", f"{seq} was shown again")
            elif seq < top:
                self._note("swapped", f"{seq} was shown after {top}")
            elif seq <= before:
                self._verdict.seen_again += 1
            seen.add(seq)
            top = max(top, seq)
        missing = set(range(min(before + 1, min(seen)), top + 1)) - seen
        if missing:
            self._note("hole", f"{sorted(missing)[:5]} were not shown, but {top} was", len(missing))
        self._highest = max(before, top)

    def _compare(self, seen: Seen, entry: Entry | None) -> None:
        """What was shown is what is stored."""
        if entry is None:
            self._note("altered", f"{seen.seq} was shown and is not stored")
        elif (seen.id, seen.sender, seen.text) != (entry.id, entry.sender, entry.text):
            self._note("altered", f"{seen.seq} was shown as {_short(seen.text)} and is {_short(entry.text)}")

    def _note(self, kind: str, fault: str, many: int = 1) -> None:
        self._verdict.note(kind, self._where, fault, many)


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…")
