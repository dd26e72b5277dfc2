"""A gateway that did not run for a while does not take its own absence for its clients' silence."""

import asyncio
import signal

from tests.gateways import Site, running
from tests.talk import greeted

HEARTBEAT_S, STALLED_S = 1.0, 4.0


async def test_a_gateway_that_was_stopped_gives_its_clients_the_time_that_they_have_and_cuts_who_is_silent_then(
    site: Site,
) -> None:
    async with running(site):
        read = await site.start("read", heartbeat_s=str(HEARTBEAT_S))
        async with greeted(read, "alice") as alice, greeted(read, "bob") as bob:
            await alice.until("caught_up")
            await bob.until("caught_up")
            await asyncio.sleep(1.5 * HEARTBEAT_S)  # the gateway has looked at them once, and they are silent since
            read.signal(signal.SIGSTOP)
            await asyncio.sleep(STALLED_S)
            read.signal(signal.SIGCONT)
            for _ in range(5):
                await asyncio.sleep(HEARTBEAT_S / 2)
                await alice.send(type="ping")
                await alice.until("pong")
            assert await bob.closed() == 4002
