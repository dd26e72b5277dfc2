"""The token that a client shows: one for good, or one fetched when it is needed."""

from collections.abc import Awaitable, Callable

TokenSource = str | Callable[[], Awaitable[str]]


class Tokens:
    """Keeps the token that was fetched until it is forgotten."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._token: str | None = source if isinstance(source, str) else None

    @property
    def is_renewable(self) -> bool:
        return not isinstance(self._source, str)

    async def get(self) -> str:
        if self._token is None:
            self._token = await self._fetch()
        return self._token

    async def renew(self) -> str:
        """Fetch another one; for a fixed token that is the same one."""
        self._token = await self._fetch()
        return self._token

    def forget(self) -> None:
        """It has expired: the next `get` fetches another one."""
        if self.is_renewable:
            self._token = None

    async def _fetch(self) -> str:
        return self._source if isinstance(self._source, str) else await self._source()
