"""What was said and is not yet acknowledged, in order, and what was refused. A pure core: `store` keeps it on disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Change = Mapping[
    str, Any
]  # {"type": "send", "text": …}, or an edit, a deletion, a reaction: docs/protocol.md, "From the client"


@dataclass(slots=True)
class Pending:
    """A change on its way. *number* gives the order; *attempts* counts how often it went out."""

    conversation: str
    id: str
    change: Change
    number: int = 0
    attempts: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """What was typed; empty for what has no text."""
        return str(self.change.get("text", ""))


class Outbox:
    """In the order in which they were added. A (conversation, id) is in it once: pending, or refused for good."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, str], Pending] = {}
        self._failed: dict[tuple[str, str], Pending] = {}
        self._numbers = 0

    def __len__(self) -> int:
        """How many are pending."""
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        """Yield what is pending."""
        return iter(list(self._pending.values()))

    def __repr__(self) -> str:
        return f"Outbox({len(self)} pending, {len(self._failed)} failed)"

    @property
    def failed(self) -> list[Pending]:
        """What was refused for good, and is kept until it is retried or discarded."""
        return list(self._failed.values())

    def add(self, conversation: str, id: str, change: Change) -> Pending:
        """Put a change at the end; one that is there already stays where and what it is.

        Raises:
            ValueError: it is there as another change.
        """
        known = self._pending.get((conversation, id)) or self._failed.get((conversation, id))
        if known is None:
            return self._append(Pending(conversation, id, change))
        if known.change != change:
            raise ValueError("this id is in the outbox with another text")
        return known

    def settle(self, conversation: str, id: str) -> Pending | None:
        """Take a change out, acknowledged; None if it is not there (any more)."""
        return self._pending.pop((conversation, id), None)

    def fail(self, conversation: str, id: str) -> Pending | None:
        """A change was refused for good: it is kept, and not sent again. None if it is not pending (any more)."""
        pending = self._pending.pop((conversation, id), None)
        if pending is not None:
            self._failed[conversation, id] = pending
        return pending

    def retry(self, conversation: str, id: str) -> Pending | None:
        """Put one that had failed at the end, pending again; None if there is none."""
        failed = self._failed.pop((conversation, id), None)
        return self._append(failed) if failed is not None else None

    def discard(self, conversation: str, id: str) -> Pending | None:
        """Take out one that had failed; None if there is none."""
        return self._failed.pop((conversation, id), None)

    def first(self, conversation: str) -> Pending | None:
        """Return the oldest change of *conversation* that is pending."""
        return next((pending for (of, _), pending in self._pending.items() if of == conversation), None)

    def _append(self, pending: Pending) -> Pending:
        self._numbers += 1
        pending.number = self._numbers
        self._pending[pending.conversation, pending.id] = pending
        return pending
