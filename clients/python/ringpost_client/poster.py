"""Sends by POST: one at a time in each conversation, so that their order is kept; conversations side by side."""

import asyncio
from collections.abc import Callable

from ringpost_client.api import Api
from ringpost_client.backoff import Backoff
from ringpost_client.errors import Refused, Stopped, Unavailable
from ringpost_client.events import Ack
from ringpost_client.options import Options
from ringpost_client.outbox import Outbox, Pending
from ringpost_client.session import Acked, Action, Failed
from ringpost_client.tokens import Tokens


class Poster:
    """Drains an outbox through `POST /v1/conversations/…/messages`. *tell* hears of what was acknowledged or refused."""

    def __init__(self, api: Api, tokens: Tokens, outbox: Outbox, options: Options, tell: Callable[[Action], None]) -> None:
        self._api, self._tokens, self._outbox = api, tokens, outbox
        self._options, self._tell = options, tell
        self._busy: set[str] = set()

    def wants(self, conversation: str) -> bool:
        """Say whether `drain` is to be started for *conversation*: once, until it is empty."""
        if conversation in self._busy:
            return False
        self._busy.add(conversation)
        return True

    async def drain(self, conversation: str) -> None:
        """Post what the outbox has of *conversation* until that is nothing.

        Raises:
            Stopped: the token is no good.
        """
        backoff = Backoff(self._options.backoff_base_s, self._options.backoff_cap_s)
        try:
            while (pending := self._outbox.first(conversation)) is not None:
                try:
                    await self._post(pending)
                    backoff.reset()
                except Unavailable as error:
                    await asyncio.sleep(backoff.next(self._options.chance(), error.retry_after_s))
        finally:
            self._busy.discard(conversation)

    async def _post(self, pending: Pending) -> None:
        conversation, id = pending.conversation, pending.id
        token = await self._tokens.get()
        pending.attempts += 1
        try:
            answer = await self._api.post(token, conversation, id, pending.change)
        except Refused as error:
            self._refuse(pending, error)
            return
        self._outbox.settle(conversation, id)
        ack = Ack(conversation, id, answer["seq"], answer["at"], answer["status"] == 200, pending.attempts)
        self._tell(Acked([ack]))

    def _refuse(self, pending: Pending, error: Refused) -> None:
        if error.code == "token_expired" and self._tokens.is_renewable:
            self._tokens.forget()
            raise Unavailable(error.code, error.detail)
        if error.status == 401:
            raise Stopped(401, error.detail)
        self._outbox.fail(pending.conversation, pending.id)
        self._tell(Failed(pending.conversation, pending.id, error.code, error.detail))
