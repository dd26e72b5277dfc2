"""What `ringpost send` does: what was left goes first, then what is said now, all through the outbox on disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ringpost_client import Client, ClientError, Message, OutboxLocked, Refused, StoreFailed

from deploy.chat.drafts import Draft
from deploy.chat.entry import Entry
from deploy.chat.errors import ChatError
from deploy.chat.output import Prompt, say
from deploy.chat.report import Report, Said
from deploy.chat.states import States
from deploy.chat.terminal import shorten
from shared.errors import RingpostError
from shared.text import check_text

LOCK_WAIT_S, LOCK_PAUSE_S = 10.0, 0.1
MOST_WAITING = 1_000
TEXT_CHARACTERS = 40


class Sender:
    """Sends to *conversation*. With *wait_s* it gives up once nothing was acknowledged for so long."""

    def __init__(self, entry: Entry, conversation: str, report: Report, prompt: Prompt, wait_s: float | None) -> None:
        self._entry, self._conversation = entry, conversation
        self._report, self._prompt, self._wait_s = report, prompt, wait_s
        self._said: asyncio.Queue[Said | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._kept = ""

    async def run(self, drafts: AsyncIterator[Draft]) -> int:
        """Send, and report what becomes of each message; return the exit status.

        Raises:
            ChatError: it gave up, the service says not to come back, or another command has the outbox.
        """
        try:
            async with self._opened() as client:
                trouble = await self._work(client, drafts)
        except asyncio.CancelledError:
            if self._kept:
                say(self._kept)
            raise
        if trouble:
            raise ChatError(f"{trouble} {self._kept}".rstrip())
        return self._report.status

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Client]:
        client = await self._enter()
        try:
            yield client
        finally:
            await client.__aexit__(None, None, None)
            self._prompt.leave()
            if client.pending:
                self._kept = f"{client.pending} not acknowledged yet; what is left goes out first next time."

    async def _enter(self) -> Client:
        """Open the outbox; another command that is at work on it may end soon."""
        for _ in range(round(LOCK_WAIT_S / LOCK_PAUSE_S)):
            client = self._entry.client(state=self._entry.folder, on_state=States(self._prompt.say).tell)
            try:
                return await client.__aenter__()
            except OutboxLocked:
                await asyncio.sleep(LOCK_PAUSE_S)
            except StoreFailed as error:
                raise ChatError(f"the outbox can't be used: {error}") from None
        whose = f"another ringpost send of {self._entry.user} is at work in {self._entry.folder}"
        raise ChatError(f"{whose}; give this one a folder of its own with --state.")

    async def _work(self, client: Client, drafts: AsyncIterator[Draft]) -> str | None:
        """Send what was left and what is said; return why it stopped before the end, if it did."""
        left = [_resume(message) for message in client.outbox]
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(self._feed(client, drafts))
            trouble = await self._settle_left(left) or await self._settle_said()
            feeding.cancel()
        return trouble

    async def _feed(self, client: Client, drafts: AsyncIterator[Draft]) -> None:
        """Send what is said while not too much waits; then say that this was all."""
        try:
            async for draft in drafts:
                if self._said.qsize() >= MOST_WAITING:
                    self._room.clear()
                    await self._room.wait()
                self._said.put_nowait(Said(draft.name, await self._send(client, draft)))
        except OSError as error:
            self._said.put_nowait(Said("stdin", ClientError(str(error))))
        self._said.put_nowait(None)

    async def _send(self, client: Client, draft: Draft) -> Message | ClientError:
        try:
            check_text(draft.text)  # one that is far too long would end the connection, for those after it too
            return await client.conversation(self._conversation).send(draft.text, id=draft.id)
        except RingpostError as error:
            return Refused(error.code, str(error))
        except ClientError as error:
            return error

    async def _settle_left(self, left: list[Said]) -> str | None:
        """Report what becomes of the messages that were left; return why to stop, if there is a reason."""
        self._report.begin_left(len(left))
        for said in left:
            if trouble := await self._settle(said):
                return trouble
        self._report.end_left(len(left))
        return None

    async def _settle_said(self) -> str | None:
        self._prompt.show()
        while (said := await self._said.get()) is not None:
            if trouble := await self._settle(said):
                return trouble
            if self._said.qsize() <= MOST_WAITING // 2:  # many at a time, since those share one write to the disk
                self._room.set()
            if self._said.empty():
                self._prompt.show()
        return None

    async def _settle(self, said: Said) -> str | None:
        """Report what becomes of one message, once it is known; return why to stop, if there is a reason."""
        try:
            if isinstance(said.message, ClientError):
                raise said.message
            async with asyncio.timeout(self._wait_s):
                self._report.acked(said, await asyncio.shield(said.message.acknowledged))
        except TimeoutError:
            return f"Nothing was acknowledged for {self._wait_s:g} s."
        except Refused as error:
            self._report.refused(said, error)
            if isinstance(said.message, Message):
                said.message.discard()  # it was reported, and a command has nobody who would mend it
        except ClientError as error:
            return f"{error}."
        return None


def _resume(message: Message) -> Said:
    return Said(f"a message from before, {shorten(message.text, TEXT_CHARACTERS)},", message, is_left=True)
