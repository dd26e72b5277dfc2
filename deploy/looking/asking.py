"""Asks routers and gateways how they are, all at once; who does not answer in time is seen as that."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import httpx
import msgspec

from deploy.looking.scrape import Scrape
from deploy.looking.system import Router, Seen, System, Told, gateways_of
from router.status import RouterStatus

TIMEOUT_S = 3.0
_decode = msgspec.json.Decoder(RouterStatus).decode


class _Ready(msgspec.Struct):
    ready: bool = False
    reasons: Sequence[str] = ()
    degraded: Sequence[str] = ()


_decode_ready = msgspec.json.Decoder(_Ready).decode


async def look(routers: Mapping[str, str]) -> System:
    """Return what is seen of the system whose *routers* (URLs by name) answer here."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        asked = await asyncio.gather(*(_ask_router(client, name, url) for name, url in routers.items()))
        known = gateways_of([router.status for router in asked if router.status is not None])
        told = await asyncio.gather(*(ask(client, f"http://{address}") for address in known))
    gateways = [
        Seen(status.name, address, pools, status, answer)
        for (address, (status, pools)), answer in zip(known.items(), told, strict=True)
    ]
    return System(time.monotonic(), asked, sorted(gateways, key=lambda seen: (seen.pools, seen.name)))


async def _ask_router(client: httpx.AsyncClient, name: str, url: str) -> Router:
    try:
        answer = await client.get(f"{url}/status")
        answer.raise_for_status()
        status = _decode(answer.content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Router(name, url, None, None, (str(error).splitlines() or ["it timed out"])[0] or "it timed out")
    except (msgspec.MsgspecError, ValueError):
        return Router(name, url, None, None, "what answers is no router of this version")
    return Router(status.name, url, status, await ask(client, url))


async def ask(client: httpx.AsyncClient, url: str) -> Told | None:
    """Return what the process at *url* says of itself; None if it does not."""
    try:
        ready, metrics = await asyncio.gather(client.get(f"{url}/ready"), client.get(f"{url}/metrics"))
        said = _decode_ready(ready.content)
        scrape = Scrape(metrics.raise_for_status().text, time.monotonic())
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, ValueError):
        return None
    clock = scrape.value("unix_seconds")
    ahead_s = clock - time.time() if clock is not None else 0.0
    return Told(said.ready, said.reasons, said.degraded, scrape, ahead_s)
