"""One conversation, as its user sees it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from ringpost_client.calls import Calls
from ringpost_client.counts import Counts
from ringpost_client.errors import ClientError
from ringpost_client.events import Event
from ringpost_client.message import Message
from ringpost_client.outbox import Change
from ringpost_client.pace import Pace
from ringpost_client.pages import Member, Page, Progress, make_member, make_page, make_progress
from ringpost_client.reading import Reading
from ringpost_client.sends import Sends

MARK_EVERY_S, TYPING_EVERY_S, LAST_WORD_S = 1.0, 2.0, 1.0
MEMBERS = 1_000


@dataclass(frozen=True, slots=True)
class Means:
    """What a conversation does its work with."""

    sends: Sends
    calls: Calls
    reading: Reading
    counts: Counts


class Conversation:
    """`Client.conversation` makes it.

    What is said goes through the outbox: `send`, `edit`, `delete`, `react`, `unreact` return a message that is pending at once,
    and goes out whether that is awaited or not, in the order of the calls. What the others do goes to the service at once: each
    raises Refused (final) or Unavailable; after that the same call with the same *id* finds what was done, if it was.
    """

    def __init__(self, id: str, means: Means) -> None:
        self.id = id
        self._means = means
        self._path = f"/v1/conversations/{id}"
        self._read = self._delivered = 0
        self._marks = {kind: Pace(MARK_EVERY_S, say) for kind, say in (("read", self._say_read), ("got", self._say_delivered))}
        self._typing = Pace(TYPING_EVERY_S, self._say_typing)
        self._posting: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"Conversation({self.id})"

    # What is said.

    async def send(self, text: str, *, reply_to: int | None = None, id: str | None = None) -> Message:
        """Send a message. The await is over at once, but where very much is not on the disk yet."""
        change: dict[str, Any] = {"type": "send", "text": text}
        return await self._say(change if reply_to is None else change | {"reply_to": reply_to}, id)

    async def edit(self, seq: int, text: str, *, id: str | None = None) -> Message:
        """Give my message *seq* another text."""
        return await self._say({"type": "edit", "seq": seq, "text": text}, id)

    async def delete(self, seq: int, *, id: str | None = None) -> Message:
        """Erase the text of message *seq*: mine, or as a moderator or owner anybody's."""
        return await self._say({"type": "delete", "seq": seq}, id)

    async def react(self, seq: int, emoji: str, *, id: str | None = None) -> Message:
        return await self._say({"type": "react", "seq": seq, "emoji": emoji}, id)

    async def unreact(self, seq: int, emoji: str, *, id: str | None = None) -> Message:
        return await self._say({"type": "unreact", "seq": seq, "emoji": emoji}, id)

    # What is read.

    def events(self, after: int | None = None) -> AsyncIterator[Event]:
        """Yield every event after *after* (None: from now on), each once, in order, without a hole, until the loop is left.

        Any number may follow, each at their own pace.

        Raises:
            Refused: it is not mine.
            PositionLost: the log begins anew.
            Stopped: the service says not to come back.
        """
        return self._means.reading.follow(self.id, after)

    async def history(self, *, after: int | None = None, before: int | None = None, limit: int = 100) -> Page:
        """Return a page of the log as it now is: latest texts, reactions. What comes after its head comes by `events(head)`."""
        return await self._page("history", after, before, limit)

    async def log(self, *, after: int | None = None, before: int | None = None, limit: int = 100) -> Page:
        """Return a page of the log as it was written."""
        return await self._page("events", after, before, limit)

    async def members(self) -> AsyncIterator[Member]:
        """Yield the members, by user id."""
        after: str | None = None
        while True:
            page = await self._means.calls.get("read", f"{self._path}/members", limit=MEMBERS, after=after)
            for fields in page["members"]:
                yield make_member(fields)
            if (after := page["next"]) is None:
                return

    async def progress(self, seq: int | None = None) -> Progress:
        """Return how far the members have read, and have got, up to *seq* (None: up to the head)."""
        return make_progress(await self._means.calls.get("read", f"{self._path}/receipts", seq=seq))

    @property
    def unread(self) -> int | None:
        """How many messages are unread; None until `Client.conversations` or a marker has told."""
        return self._means.counts.of(self.id)

    # What passes by.

    def read(self, seq: int) -> None:
        """I have read up to here: said once a second at most, and only upwards."""
        if seq > self._read:
            self._read = seq
            self._marks["read"].call()

    def delivered(self, seq: int) -> None:
        """I have got everything up to here; what was read was delivered too."""
        if seq > self._delivered:
            self._delivered = seq
            self._marks["got"].call()

    def typing(self) -> None:
        """I type; call it at each key."""
        self._typing.call_now()

    # Who is in it, and what it is called.

    async def add(self, user: str, role: str = "member", *, id: str | None = None) -> int:
        """Make *user* a member; like the next ones, return the seq of the event that this is."""
        return await self._change("members", id, user=user, role=role)

    async def invite(self, user: str, role: str = "member", *, id: str | None = None) -> int:
        return await self._change("invitations", id, user=user, role=role)

    async def join(self, *, id: str | None = None) -> int:
        return await self._change("join", id)

    async def leave(self, *, id: str | None = None) -> int:
        return await self._change("leave", id)

    async def remove(self, user: str, *, id: str | None = None) -> int:
        return await self._change("remove", id, user=user)

    async def set_role(self, user: str, role: str, *, id: str | None = None) -> int:
        return await self._change("role", id, user=user, role=role)

    async def set_title(self, title: str | None, *, id: str | None = None) -> int:
        return await self._change("title", id, title=title)

    async def set_topic(self, topic: str | None, *, id: str | None = None) -> int:
        return await self._change("topic", id, topic=topic)

    # Called by the client.

    def greet(self, marker: int) -> None:
        """There is another socket, to which my marker is at *marker*: what was said on the one before may be lost."""
        if self._read > marker:
            self._marks["read"].call()
        if self._delivered:
            self._marks["got"].call()

    async def finish(self) -> None:
        """Say the last marks; who must ask the service for that does not wait long."""
        for pace in (*self._marks.values(), self._typing):
            pace.finish()
        if self._posting:
            await asyncio.wait(self._posting, timeout=LAST_WORD_S)
        for task in self._posting:
            task.cancel()

    async def _say(self, change: Change, id: str | None) -> Message:
        await self._means.sends.has_room()
        return self._means.sends.add(self.id, change, id)

    async def _page(self, what: str, after: int | None, before: int | None, limit: int) -> Page:
        page = await self._means.calls.get("read", f"{self._path}/{what}", after=after, before=before, limit=limit)
        return make_page(self.id, page)

    async def _change(self, what: str, id: str | None, **fields: str | None) -> int:
        body = {"id": id or str(uuid.uuid4()), **fields}
        return int((await self._means.calls.post("write", f"{self._path}/{what}", body))["seq"])

    def _say_typing(self) -> None:
        self._means.reading.say({"type": "typing", "conversation": self.id})

    def _say_delivered(self) -> None:
        self._means.reading.say({"type": "delivered", "conversation": self.id, "seq": self._delivered})

    def _say_read(self) -> None:
        if not self._means.reading.say({"type": "read", "conversation": self.id, "seq": self._read}):
            task = asyncio.create_task(self._post_read(self._read))
            self._posting.add(task)
            task.add_done_callback(self._posting.discard)

    async def _post_read(self, seq: int) -> None:
        with contextlib.suppress(ClientError):  # the next marker, or the next socket, says it
            await self._means.calls.post("read", f"{self._path}/read", {"seq": seq})
