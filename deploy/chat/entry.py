"""A user's way into a running system: their token, their conversations, their folder."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ringpost_client import Api, Client, Options, Refused, Unavailable

from deploy.chat.creations import Creations
from deploy.chat.errors import ChatError
from deploy.chat.folder import state_folder
from deploy.chat.listing import Listing, make_listing
from deploy.local.access import Access, find_access
from shared.errors import RingpostError
from shared.text import check_user

# A launcher that runs brings back what was killed; where nothing but ports is known, nobody may be there.
PATIENCE_S, SHORT_PATIENCE_S, PAUSE_S = 15.0, 1.0, 0.5
RECONNECT_S = 5.0
Answer = TypeVar("Answer")


class Entry:
    """What the commands need of one user. *folder* keeps the outbox and the positions."""

    def __init__(self, access: Access, user: str, folder: Path) -> None:
        self._access, self.user, self.folder = access, user, folder

    def client(self, **choices: Any) -> Client:
        """Return the user's client; *choices* are those of `Client`."""
        options = Options(backoff_cap_s=RECONNECT_S)  # somebody is looking
        return Client(self._access.read_url, self._access.write_url, self._token, options=options, **choices)

    async def listing(self) -> Listing:
        """Return the user's conversations."""
        async with self._api() as (api, token):
            pages = [await self._insist(partial(api.conversations, token))]
            while (after := pages[-1]["next"]) is not None:
                pages.append(await self._insist(partial(api.conversations, token, after)))
        return make_listing(pages)

    async def create(self, title: str, members: Sequence[str]) -> str:
        """Create a conversation and return its id; a repeat after an answer that never came finds the same one."""
        creations = Creations(self.folder)
        id = creations.begin(title)
        async with self._api() as (api, token):
            try:
                made = await self._insist(partial(api.create, token, id, title=title, members=members))
            except Refused:
                creations.end(title)
                raise
        creations.end(title)
        return made

    @asynccontextmanager
    async def _api(self) -> AsyncIterator[tuple[Api, str]]:
        """Yield the calls, and the token that they want; what the service refuses or can't do is a ChatError."""
        api = Api(self._access.read_url, self._access.write_url)
        try:
            yield api, await self._insist(self._token)
        except Refused as error:
            raise ChatError(f"refused ({error.code}): {error}") from None
        except Unavailable as error:
            what = "No Ringpost answers at" if error.code == "unreachable" else "Ringpost can't do it now:"
            raise ChatError(f"{what} {error}") from None
        finally:
            await api.close()

    async def _insist(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call again while the service can't serve it, as long as there is patience."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + (PATIENCE_S if self._access.local is not None else SHORT_PATIENCE_S)
        while True:
            try:
                return await call()
            except Unavailable as error:
                if clock() > deadline:
                    raise
                await asyncio.sleep(min(error.retry_after_s or PAUSE_S, 2 * PAUSE_S))

    async def _token(self) -> str:
        """Return a token; a fresh one each time, so that who follows for days stays."""
        token = self._access.token(self.user)
        return token if isinstance(token, str) else await token()


def enter(user: str, folder: Path | None) -> Entry:
    """Return *user*'s way into the system that RINGPOST_DATA and the ports name; *folder* in place of the usual one.

    Raises:
        NotRunning: there is none.
        ChatError: *user* can't be a user's id.
    """
    try:
        check_user(user)
    except RingpostError as error:
        raise ChatError(f"--as: {error}") from None
    access = find_access()
    return Entry(access, user, folder or state_folder(access, user))
