"""From where each conversation is shown: what was shown before, what the user wishes, what is there. A pure core."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ringpost_client import Positions

from deploy.chat.errors import ChatError
from deploy.chat.listing import Conversation, Listing

FIRST_EVENTS = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """*after*: begin after this seq, not where it stopped. *limit*: of what was before, the last so many events at most."""

    after: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Starts:
    """*asked* is what the client asks with: from where the followed ones are shown, the head of the others.

    *kept* counts as shown from now on; in the *lost* ones nothing that was shown before does. *told* are sentences on what is
    lost, and on events that were never shown and won't be.
    """

    asked: Positions
    kept: Mapping[str, int]
    lost: frozenset[str]
    told: tuple[str, ...]


def plan_starts(listing: Listing, shown: Positions, followed: Collection[str], wish: Wish) -> Starts:
    """Return where to begin in every conversation of *listing*, of which *followed* are shown.

    A conversation goes on where it was left. Where none was shown before, each begins with its last events; one that is new
    since then begins where the user joined.

    Raises:
        ChatError: *wish* names a seq beyond the head.
    """
    lost = _lost(listing, shown, followed)
    left = {each.id: _left(each, shown, is_lost=each.id in lost) for each in listing.of.values()}
    first = {id: _wished(listing.of[id], left[id], wish) for id in followed}
    missed = {} if shown.epoch is None else {id: (left[id], seq) for id, seq in first.items() if id not in lost}
    return Starts(
        asked=Positions(listing.epoch, listing.inbox, {each.id: first.get(each.id, each.head) for each in listing.of.values()}),
        kept=first if shown.epoch == listing.epoch else {**left, **first},
        lost=lost,
        told=(*_tell_lost(listing, lost), *_tell_missed(listing, missed)),
    )


def _lost(listing: Listing, shown: Positions, followed: Collection[str]) -> frozenset[str]:
    """Return the followed conversations in which what was shown counts no more: after a backup was restored."""
    if shown.epoch is None:
        return frozenset()
    is_other = shown.epoch != listing.epoch
    return frozenset(id for id in followed if is_other or shown.of.get(id, 0) > listing.of[id].head)


def _left(conversation: Conversation, shown: Positions, *, is_lost: bool) -> int:
    """Return up to where *conversation* counts as shown."""
    if shown.epoch is None or is_lost:
        return max(0, conversation.head - FIRST_EVENTS)
    return shown.of.get(conversation.id, conversation.joined - 1)


def _tell_lost(listing: Listing, lost: Collection[str]) -> Iterator[str]:
    for id in lost:
        yield f"{listing.label(id)}: its events are others since a backup was restored; the last ones come again."


def _tell_missed(listing: Listing, missed: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    for id, (left, first) in missed.items():
        if first > left:
            yield f"{listing.label(id)}: events {left + 1} to {first} are passed over."


def _wished(conversation: Conversation, left: int, wish: Wish) -> int:
    if wish.after is not None and wish.after > conversation.head:
        raise ChatError(f"{conversation.title or conversation.id} ends at {conversation.head}: nothing is after {wish.after}.")
    if wish.limit is None:
        return left if wish.after is None else wish.after
    return max(wish.after or 0, conversation.head - wish.limit, 0)
