"""Where messages go: a conversation that is there, or one made for them."""

from collections.abc import Sequence

from deploy.chat.entry import Entry
from deploy.chat.errors import ChatError
from deploy.chat.listing import as_id
from deploy.chat.output import say


async def find_target(entry: Entry, name: str) -> str:
    """Return the id of the conversation that *name* means. An id is taken as it is: the answer to a send tells.

    Raises:
        ChatError: it is the title of none, or of several.
    """
    id = as_id(name)
    if id is not None:
        return id
    listing = await entry.listing()
    found = listing.find(name)
    if found is None:
        raise ChatError(f"{listing.absent(name, entry.user)} --create makes it, with --member USER for each other member.")
    return found.id


async def make_target(entry: Entry, title: str, members: Sequence[str]) -> str:
    """Return the id of the conversation *title*; it is created unless it is there.

    Raises:
        ChatError: *title* is an id, or the title of several.
    """
    if as_id(title) is not None:
        raise ChatError("--create wants a title, and this is an id.")
    found = (await entry.listing()).find(title)
    if found is not None:
        say(f"{found.title} is there already ({found.id}){'; --member adds nobody to it' if members else ''}.")
        return found.id
    id = await entry.create(title, members)
    say(f"created {title} ({id}).")
    return id
