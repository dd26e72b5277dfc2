"""What `ringpost tail` does: shows conversations as they go on, from where it stopped, and keeps how far that was."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ringpost_client import Client, ClientError, Event, Transport

from deploy.chat.entry import Entry
from deploy.chat.errors import ChatError
from deploy.chat.output import Output, say
from deploy.chat.shown import Shown
from deploy.chat.starts import Starts, Wish, plan_starts
from deploy.chat.states import States
from deploy.chat.transcript import event_fields, event_line

SAVE_EVERY_S = 1.0


class Follower:
    """Follows the conversations that *names* mean, or (none given) all, those to come too. *read_via*: as for `Client`."""

    def __init__(
        self, entry: Entry, output: Output, names: Sequence[str], wish: Wish, read_via: Sequence[Transport], *, as_json: bool
    ) -> None:
        self._entry, self._output = entry, output
        self._names, self._wish, self._read_via, self._as_json = names, wish, read_via, as_json
        self._shown = Shown(entry.folder)
        self._saved: tuple[str, dict[str, int]] | None = None

    async def run(self) -> int:
        """Follow until this is cancelled.

        Raises:
            ChatError: it can't begin, or the service says not to come back.
        """
        self._listing = await self._entry.listing()
        self._chosen = frozenset(self._listing.require(name, self._entry.user).id for name in self._names)
        starts = self._begin()
        told = States(say).tell
        async with self._entry.client(positions=starts.asked, read_via=self._read_via, on_state=told) as client:
            with self._kept(client):
                await self._follow(client)
        return 0

    def _begin(self) -> Starts:
        """Settle where to begin, and write that down."""
        starts = plan_starts(self._listing, self._shown.load(), self._chosen or set(self._listing.of), self._wish)
        self._shown.keep(self._listing.epoch, starts.kept, starts.lost)
        for sentence in starts.told:
            say(sentence)
        if sys.stderr.isatty():
            what = ", ".join(map(self._listing.label, sorted(self._chosen))) or "every conversation"
            say(f"following {what} as {self._entry.user}; Ctrl-C ends.")
        return starts

    async def _follow(self, client: Client) -> None:
        try:
            async for event in client.events():
                if self._shows(event.conversation):
                    self._output.write(await self._line(event))
        except ClientError as error:
            raise ChatError(str(error)) from None

    def _shows(self, conversation: str | None) -> bool:
        return conversation is not None and (not self._chosen or conversation in self._chosen)

    async def _line(self, event: Event) -> str:
        assert event.conversation is not None
        if event.conversation not in self._listing.of:
            await self._look_up()
        elif event.type == "renamed":
            self._listing = self._listing.renamed(event.conversation, event.fields.get("title") or "")
        title = self._listing.label(event.conversation)
        if self._as_json:
            return json.dumps(event_fields(event, title))
        return event_line(event, title, is_colored=self._output.is_colored)

    async def _look_up(self) -> None:
        """Learn of a conversation that is new; if that is impossible now, its id must do."""
        with contextlib.suppress(ChatError):
            self._listing = await self._entry.listing()

    @contextmanager
    def _kept(self, client: Client) -> Iterator[None]:
        """Write down how far it was shown, every second and at the end."""
        self._save_later(client)
        try:
            yield
        finally:
            self._timer.cancel()
            self._save(client)

    def _save_later(self, client: Client) -> None:
        self._timer = asyncio.get_running_loop().call_later(SAVE_EVERY_S, self._save_again, client)

    def _save_again(self, client: Client) -> None:
        # On a full disk the older positions stay: some events come again, none is missed.
        with contextlib.suppress(OSError):
            self._save(client)
        self._save_later(client)

    def _save(self, client: Client) -> None:
        seen = client.seen
        shown = {id: seq for id, seq in seen.of.items() if self._shows(id)}
        if seen.epoch is not None and (seen.epoch, shown) != self._saved:
            self._shown.keep(seen.epoch, shown)
            self._saved = (seen.epoch, shown)
