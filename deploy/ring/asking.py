"""Asks routers what they know."""

import os

import httpx
import msgspec

from deploy.local.errors import LocalError
from deploy.local.found import find_local
from router.status import RouterStatus

TIMEOUT_S = 5.0
VARIABLE = "RINGPOST_ADMIN_URL"
_decode = msgspec.json.Decoder(RouterStatus).decode


def find_routers(url: str | None) -> dict[str, str]:
    """Return where routers can be asked, by name: at *url*, at RINGPOST_ADMIN_URL, or those of the system on this machine.

    Raises:
        LocalError: none is known; the text says what to do.
    """
    given = url or os.environ.get(VARIABLE)
    if given:
        return {given: given.rstrip("/")}
    local = find_local()
    if not local.admin_urls:
        raise LocalError(f"The system on {local.data} does not say where its routers can be asked: restart it, or give --url.")
    return local.admin_urls


def ask(url: str) -> RouterStatus:
    """Return what the router at *url* tells of itself.

    Raises:
        LocalError: nothing answers there, or no router does.
    """
    try:
        answer = httpx.get(f"{url}/status", timeout=TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        return _decode(answer.content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LocalError(f"No router answers at {url} ({str(error).splitlines()[0] or 'timeout'}).") from None
    except (msgspec.MsgspecError, ValueError):
        raise LocalError(f"What answers at {url} is no router of this version.") from None
