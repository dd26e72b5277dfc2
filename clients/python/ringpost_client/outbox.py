"""The sends that are not yet acknowledged, in order. A pure core: `journal` keeps it on disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pending:
    """A send on its way. *number* gives the order; *attempts* counts how often it went out."""

    conversation: str
    id: str
    text: str
    number: int = 0
    attempts: int = field(default=0, compare=False)


class Outbox:
    """In the order in which they were added. A (conversation, id) is in it once."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, str], Pending] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._pending.values()))

    def __repr__(self) -> str:
        return f"Outbox({len(self)} pending)"

    def add(self, conversation: str, id: str, text: str) -> Pending:
        """Put a send at the end; one that is there already stays where it is.

        Raises:
            ValueError: it is there with another text.
        """
        known = self._pending.get((conversation, id))
        if known is not None:
            if known.text != text:
                raise ValueError("this id is in the outbox with another text")
            return known
        self._numbers += 1
        pending = Pending(conversation, id, text, self._numbers)
        self._pending[conversation, id] = pending
        return pending

    def settle(self, conversation: str, id: str) -> Pending | None:
        """Take a send out, acknowledged or finally refused; None if it is not there (any more)."""
        return self._pending.pop((conversation, id), None)

    def first(self, conversation: str) -> Pending | None:
        """Return the oldest send of *conversation*."""
        return next((pending for (of, _), pending in self._pending.items() if of == conversation), None)


def put_record(pending: Pending) -> bytes:
    """Return the line that stands for *pending* in a journal."""
    return _line({"put": [pending.conversation, pending.id, pending.text]})


def done_record(conversation: str, id: str) -> bytes:
    """Return the line that says that a send has left the outbox."""
    return _line({"done": [conversation, id]})


def replay(journal: bytes) -> tuple[Outbox, int]:
    """Return the outbox that *journal* adds up to, and how many of its bytes are whole lines.

    A crash can tear the last line: what follows the last line feed is left out. A line in the middle that is no record
    (a disk's fault) is passed over, since the ones after it are still owed.
    """
    outbox = Outbox()
    whole = journal.rfind(b"\n") + 1
    for line in journal[:whole].split(b"\n"):
        _apply(outbox, line)
    return outbox, whole


def _apply(outbox: Outbox, line: bytes) -> None:
    try:
        record = json.loads(line)
        if "put" in record:
            outbox.add(*map(str, record["put"]))
        elif "done" in record:
            outbox.settle(*map(str, record["done"]))
    except (ValueError, TypeError):
        return


def _line(record: dict[str, list[str]]) -> bytes:
    # ASCII only: a text with a lone surrogate must not stop the journal, and no character in it is a line feed.
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
