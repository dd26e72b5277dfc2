"""What Postgres holds after a run, beside what was acknowledged in it. A pure core."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from tests.bench.ledger import Sent


class Row(NamedTuple):
    """One stored event of a run."""

    conversation: str
    seq: int
    sender: str
    id: str


def find_faults(
    sends: Iterable[Sent], rows: Sequence[Row], heads: Mapping[str, int] | None, doubtful: Collection[str] = ()
) -> Iterator[str]:
    """Yield what is wrong with *rows*, all that was stored, by conversation and seq ascending; *sends* come as they were sent.

    Each acknowledged send must be stored once, as it was acknowledged, and nothing else but what is *doubtful*; what one sender
    sent first to a conversation must come first there. Where the system counts without holes, *heads* are its conversations'
    last seqs.
    """
    sent = list(sends)
    certain = [row for row in rows if row.id not in doubtful]
    yield from _compare({send.id: (send.conversation, send.seq) for send in sent if send.seq}, certain)
    yield from _find_overtaking({send.id: place for place, send in enumerate(sent)}, certain)
    if heads is not None:
        yield from _find_holes(rows, heads)


def _compare(acked: dict[str, tuple[str, int]], rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if acked.pop(row.id, None) != (row.conversation, row.seq):
            yield f"{row.id} is stored as {row.seq} of {row.conversation}, and was not acknowledged so, or is stored twice"
    for id, (conversation, seq) in acked.items():
        yield f"{id} was acknowledged as {seq} of {conversation}, and is not stored"


def _find_overtaking(places: Mapping[str, int], rows: Sequence[Row]) -> Iterator[str]:
    last: dict[tuple[str, str], int] = {}
    for row in rows:
        place, lane = places.get(row.id, -1), (row.conversation, row.sender)
        if place <= last.get(lane, -1):
            yield f"{row.id} was sent before what has a lower seq than {row.seq} of {row.conversation}"
        last[lane] = place


def _find_holes(rows: Sequence[Row], heads: Mapping[str, int]) -> Iterator[str]:
    for conversation, own in groupby(rows, lambda row: row.conversation):
        seqs = [row.seq for row in own]
        if seqs[-1] != heads.get(conversation) or any(b != a + 1 for a, b in pairwise(seqs)):
            yield f"{conversation} has a hole between {seqs[0]} and {heads.get(conversation)}"
