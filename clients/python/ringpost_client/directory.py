"""The conversations of one user: found, made and listed."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

from ringpost_client.bounds import as_id
from ringpost_client.conversation import Conversation, Means
from ringpost_client.pages import Listed, make_listed

PAGE = 1_000


class Directory:
    """Has one object for each conversation."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._conversations: dict[str, Conversation] = {}

    def find(self, id: str) -> Conversation:
        """Return the conversation of that id.

        Raises:
            Refused: it is no UUID.
        """
        id = as_id(id)
        if id not in self._conversations:
            self._conversations[id] = Conversation(id, self._means)
        return self._conversations[id]

    async def create(self, about: Mapping[str, str | None], members: Sequence[str], id: str | None) -> Conversation:
        """Create a conversation; what is None of what it is *about* is left out."""
        given = {name: value for name, value in about.items() if value is not None}
        return await self._make("/v1/conversations", {"id": id or str(uuid.uuid4()), "members": list(members), **given})

    async def direct(self, user: str) -> Conversation:
        """Open the conversation of me and one other user."""
        return await self._make("/v1/direct", {"id": str(uuid.uuid4()), "user": user})

    async def listed(self) -> AsyncIterator[Listed]:
        """Yield my conversations, by id, with what is unread."""
        after: str | None = None
        while True:
            page = await self._means.calls.get("read", "/v1/conversations", limit=PAGE, after=after)
            for listed in map(make_listed, page["conversations"]):
                self._means.counts.take(listed.conversation, listed.head, listed.unread)
                yield listed
            if (after := page["next"]) is None:
                return

    def greet(self, markers: Mapping[str, int]) -> None:
        """A socket has its welcome: up to these *markers* I had read."""
        for conversation in self._conversations.values():
            conversation.greet(markers.get(conversation.id, 0))

    async def finish(self) -> None:
        for conversation in self._conversations.values():
            await conversation.finish()

    async def _make(self, path: str, body: dict[str, object]) -> Conversation:
        return self.find((await self._means.calls.post("write", path, body))["conversation"])
