"""What users are called, as their tokens say: gathered, and written once a second where it changed."""

import asyncio

import structlog

from shared.auth import Identity
from shared.errors import Unavailable
from shared.storage.users import Profile, Users

log = structlog.get_logger("ringpost.read")
WRITE_S = 1.0
MOST = 20_000


class Profiles:
    """The latest name and picture of each user who came here. A token without them takes nothing away."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._known: dict[str, Profile] = {}
        self._changed: dict[str, Profile] = {}

    def note(self, identity: Identity) -> None:
        """Somebody came with this token."""
        if identity.name is None and identity.picture is None:
            return
        profile = Profile(identity.name, identity.picture)
        if self._known.get(identity.user) != profile and len(self._changed) < MOST:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[identity.user] = self._changed[identity.user] = profile

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(WRITE_S)
            await self.write()

    async def write(self) -> None:
        """Write what changed; what Postgres did not take is tried again with the next."""
        changed, self._changed = self._changed, {}
        if not changed:
            return
        try:
            await self._users.keep(changed)
        except Unavailable as error:
            log.warning("profiles wait", n=len(changed), error=str(error))
            self._changed = {**changed, **self._changed}
