"""The HTTP calls of one user: with the token of now, and once more with another one where it has expired."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ringpost_client.api import Api, Service
from ringpost_client.backoff import Backoff
from ringpost_client.errors import Closed, Refused, Unavailable
from ringpost_client.options import Options
from ringpost_client.tokens import Tokens

Answer = TypeVar("Answer")
Fields = dict[str, Any]


class Calls:
    """Each raises Refused (final), Unavailable (may be made again, with the same id) or Closed. *closing* ends every wait."""

    def __init__(self, api: Callable[[], Api], tokens: Tokens, options: Options, closing: asyncio.Event) -> None:
        self._api, self._tokens, self._options, self._closing = api, tokens, options, closing

    async def get(self, service: Service, path: str, **params: object) -> Fields:
        given = {name: value for name, value in params.items() if value is not None}
        return await self._ask("GET", service, path, None, given)

    async def post(self, service: Service, path: str, body: Fields) -> Fields:
        return await self._ask("POST", service, path, body, None)

    async def insist(self, call: Callable[[], Awaitable[Answer]], tell: Callable[[str], None] = lambda _: None) -> Answer:
        """Make a call again for as long as the service can't serve it; *tell* hears why it can't."""
        backoff = Backoff(self._options.backoff_base_s, self._options.backoff_cap_s)
        while True:
            try:
                return await call()
            except Unavailable as error:
                tell(str(error))
                await self._pause(backoff.next(self._options.chance(), error.retry_after_s))

    async def _ask(self, method: str, service: Service, path: str, body: Fields | None, params: Fields | None) -> Fields:
        if self._closing.is_set():
            raise Closed("this client was closed")
        try:
            return await self._api().ask(method, service, path, await self._tokens.get(), body, params)
        except Refused as error:
            if error.code != "token_expired" or not self._tokens.is_renewable:
                raise
        self._tokens.forget()
        return await self._api().ask(method, service, path, await self._tokens.get(), body, params)

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._closing.wait()
        except TimeoutError:
            return
        raise Closed("this client was closed")
