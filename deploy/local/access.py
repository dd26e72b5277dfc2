"""How the tools get in: the keys of the data folder, or development tokens where only the ports are known."""

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.local.errors import NotRunning
from deploy.local.found import Local, default_port, find_local
from shared.auth import sign

TOKEN_TTL_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Access:
    """A system that answers at two addresses. *local* is None where nothing but the addresses is known."""

    read_url: str
    write_url: str
    local: Local | None

    def token(self, user: str) -> str | Callable[[], Awaitable[str]]:
        """Return a token of *user*, or what fetches one."""
        if self.local is not None:
            return sign(self.local.jwt_key, user, TOKEN_TTL_S, time.time())
        return lambda: self._fetch(user)

    async def _fetch(self, user: str) -> str:
        from ringpost_client import Api

        api = Api(self.read_url, self.write_url)
        try:
            return await api.dev_token(user)
        finally:
            await api.close()


def find_access() -> Access:
    """Return the way in: by RINGPOST_DATA; else by RINGPOST_READ_URL and RINGPOST_WRITE_URL, or by the two ports.

    Raises:
        NotRunning: there is no data folder of a running system, and neither URLs nor a port are named.
    """
    try:
        local = find_local()
        return Access(local.read_url, local.write_url, local)
    except NotRunning:
        if urls := _urls():
            return Access(*urls, None)
        if not (os.environ.get("RINGPOST_READ_PORT") or os.environ.get("RINGPOST_WRITE_PORT")):
            raise
        read, write = default_port("read"), default_port("write")
        return Access(f"http://127.0.0.1:{read}", f"http://127.0.0.1:{write}", None)


def _urls() -> tuple[str, str] | None:
    read, write = (os.environ.get(f"RINGPOST_{service}_URL") for service in ("READ", "WRITE"))
    return (read, write) if read and write else None
