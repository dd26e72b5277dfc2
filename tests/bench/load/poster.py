"""Those who speak now and then, by POST."""

import time
from collections.abc import Iterator
from uuid import uuid4

from tests.bench.dialect import Dialect, Refusal
from tests.bench.ledger import Ledger
from tests.bench.load.caller import Caller


class Poster:
    """One user who speaks in one conversation, to so many *receivers*."""

    def __init__(self, dialect: Dialect, ledger: Ledger, caller: Caller, user: str, texts: Iterator[bytes]) -> None:
        self._dialect, self._ledger, self._caller, self._texts = dialect, ledger, caller, texts
        self._token = dialect.token(user)

    async def say(self, conversation: str, receivers: int) -> None:
        """Send one message, and wait for the answer."""
        id = str(uuid4())
        self._ledger.send(id, conversation, receivers, time.perf_counter(), lambda: None)
        answer = await self._caller.ask(self._dialect.post(self._token, conversation, id, next(self._texts)))
        heard = self._dialect.posted(answer, conversation, id)
        if isinstance(heard, Refusal):
            self._ledger.fault(f"a sender was told {heard.words}")
        else:
            self._ledger.ack(heard.conversation, heard.id, heard.seq)
