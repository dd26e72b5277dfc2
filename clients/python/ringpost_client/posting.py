"""A line by POSTs: what a write socket would send goes out in arrays, one request of a conversation at a time."""

import asyncio

from ringpost_client.carrier import Frame, HttpCarrier, is_about_sends
from ringpost_client.errors import Refused, Unavailable
from ringpost_client.posted import CHANGES, Posted


class Posting(HttpCarrier):
    """Takes the hello, fresh tokens, pings and changes. It stands while the write service says that it can serve."""

    _token = ""

    def send(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind in ("hello", "token"):
            self._token = str(frame["token"])
        if kind == "hello":
            self._posted = Posted()
        elif kind == "ping":
            self.start(self._answer_ping())
        elif kind in CHANGES:
            self.start(self._drain(frame["conversation"], self._posted.take(frame)))
        super().send(frame)

    async def read(self, hello: Frame) -> None:
        """Be welcome, then stay: what is heard are the answers."""
        if not await self._api.is_ready("write"):
            raise Unavailable("unreachable", "the write service is not ready")
        self.hear(Posted.welcome())
        await asyncio.Event().wait()

    async def _answer_ping(self) -> None:
        if await self._api.is_ready("write"):
            self.hear({"type": "pong"})

    async def _drain(self, conversation: str, refusals: list[Frame]) -> None:
        """Post what there is of *conversation*; what is said in one turn of the loop goes together."""
        for frame in refusals:
            self.hear(frame)
        while not self.closed.done() and (changes := self._posted.next(conversation)):
            for frame in await self._post(conversation, changes):
                self.hear(frame)

    async def _post(self, conversation: str, changes: list[Frame]) -> list[Frame]:
        try:
            return self._posted.answered(conversation, await self._api.post_all(self._token, conversation, changes))
        except (Refused, Unavailable) as error:
            if not is_about_sends(error):
                self.fail(error)
                return []
            retry_after = {"retry_after": error.retry_after_s} if isinstance(error, Unavailable) else {}
            problem = {"code": error.code, "detail": error.detail, "retryable": isinstance(error, Unavailable)}
            return self._posted.refused(conversation, problem | retry_after)
