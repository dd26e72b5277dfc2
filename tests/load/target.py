"""Which system is loaded, as the RINGPOST_ variables name it."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

from deploy.local.access import TOKEN_TTL_S, find_access
from deploy.local.errors import LocalError
from shared.auth import sign

TIMEOUT_S = 30.0
HOW = (
    "Name one: RINGPOST_DATA, the data folder of a `ringpost up`; or RINGPOST_READ_URL and RINGPOST_WRITE_URL (or "
    "RINGPOST_READ_PORT and RINGPOST_WRITE_PORT), with RINGPOST_JWT_KEY or RINGPOST_JWT_KEY_FILE where the system hands out no "
    "development tokens."
)


@dataclass(frozen=True, slots=True)
class Target:
    """A system. *jwt_key*: what signs tokens; without one the system is asked for them."""

    read_url: str
    write_url: str
    jwt_key: str | None

    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT_S, trust_env=False), repr=False)

    def token(self, user: str) -> str:
        if self.jwt_key is not None:
            return sign(self.jwt_key, user, TOKEN_TTL_S, time.time())
        answer = self.client.post(f"{self.read_url}/v1/dev/token", json={"user": user, "ttl_s": TOKEN_TTL_S})
        answer.raise_for_status()
        return str(answer.json()["token"])

    def create(self, owner_token: str, members: list[str]) -> str:
        """Return the id of a new conversation of its owner and *members*."""
        body = {"id": str(uuid4()), "members": members}
        headers = {"Authorization": f"Bearer {owner_token}"}
        answer = self.client.post(f"{self.write_url}/v1/conversations", json=body, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["conversation"])

    def check(self) -> None:
        """Raise LocalError unless both services are ready."""
        for url in (self.read_url, self.write_url):
            try:
                status = self.client.get(f"{url}/ready").status_code
            except httpx.HTTPError as error:
                raise LocalError(f"Nothing answers at {url} ({error or type(error).__name__}). {HOW}") from None
            if status != 200:
                raise LocalError(f"{url} is not ready ({status}).")


def find_target() -> Target:
    """Return the system that the environment names.

    Raises:
        LocalError: none; the text says how.
    """
    key = _key()
    read, write = (os.environ.get(f"RINGPOST_{pool}_URL") for pool in ("READ", "WRITE"))
    if read and write:
        return Target(read.rstrip("/"), write.rstrip("/"), key)
    try:
        access = find_access()
    except LocalError as error:
        raise LocalError(f"{error} {HOW}") from None
    local = access.local.jwt_key if access.local is not None else None
    return Target(access.read_url, access.write_url, local or key)


def _key() -> str | None:
    path = os.environ.get("RINGPOST_JWT_KEY_FILE")
    return os.environ.get("RINGPOST_JWT_KEY") or (Path(path).read_text().strip() if path else None)
