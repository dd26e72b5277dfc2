"""A user's conversations, and which one a name means. A pure core."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from deploy.chat.errors import ChatError

NAMED = 5


@dataclass(frozen=True, slots=True)
class Conversation:
    """*title* is the other one's id where it is a direct one; *joined* is the seq of the user's own joining."""

    id: str
    title: str
    head: int
    joined: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What a user was in at one moment, by id. *repeated* are the titles that several have."""

    epoch: str
    inbox: int
    of: Mapping[str, Conversation]
    repeated: frozenset[str]

    def find(self, name: str) -> Conversation | None:
        """Return the conversation of that id or title; failing the very title, one that differs in case alone.

        Raises:
            ChatError: several have this title.
        """
        id = as_id(name)
        if id is not None:
            return self.of.get(id)
        found = [each for each in self.of.values() if each.title == name]
        found = found or [each for each in self.of.values() if each.title.casefold() == name.casefold()]
        if len(found) > 1:
            raise ChatError(
                f"{len(found)} conversations are called {name}; give one's id: {', '.join(each.id for each in found)}"
            )
        return found[0] if found else None

    def require(self, name: str, user: str) -> Conversation:
        """Return the conversation of that id or title.

        Raises:
            ChatError: there is none, or several have this title.
        """
        found = self.find(name)
        if found is None:
            raise ChatError(self.absent(name, user))
        return found

    def absent(self, name: str, user: str) -> str:
        """Say that *user* is in no conversation *name*, and which there are."""
        titles = sorted(each.title for each in self.of.values() if each.title)
        more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
        others = f"; there is {', '.join(titles[:NAMED])}{more}" if titles else ""
        return f"{user} is in no conversation {name}{others}."

    def renamed(self, id: str, title: str) -> "Listing":
        """Return this listing with another title of a conversation in it."""
        of = {**self.of, id: replace(self.of[id], title=title)}
        return replace(self, of=of, repeated=_repeated(of))

    def label(self, id: str) -> str:
        """Return what to call a conversation: its title, with the id's beginning where that is no title or not the only one."""
        title = self.of[id].title if id in self.of else ""
        if not title:
            return id[:8]
        return f"{title} {id[:8]}" if title in self.repeated else title


def make_listing(pages: Iterable[Mapping[str, Any]]) -> Listing:
    """Return what the pages of `GET /v1/conversations` add up to; there is at least one."""
    all_pages = list(pages)
    found = [_conversation(row) for page in all_pages for row in page["conversations"]]
    of = {each.id: each for each in found}
    return Listing(all_pages[0]["epoch"], all_pages[0]["inbox"], of, _repeated(of))


def as_id(name: str) -> str | None:
    """Return the conversation's id that *name* is, in lower case; None if it is a title."""
    try:
        id = str(UUID(name))
    except ValueError:
        return None
    return id if id == name.lower() else None


def _repeated(of: Mapping[str, Conversation]) -> frozenset[str]:
    counts = Counter(each.title for each in of.values())
    return frozenset(title for title, count in counts.items() if count > 1)


def _conversation(row: Mapping[str, Any]) -> Conversation:
    return Conversation(row["conversation"], row["title"] or row.get("with") or "", row["head"], row["joined"])
