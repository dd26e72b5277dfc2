"""What is said between the pages that a follower reads and the welcome of their socket."""

import asyncio
from collections.abc import AsyncIterator

from ringpost_client import Client, Event

from deploy.fuzz.wire import Flow, Wire, laid, target_of
from tests.gateways import Site, running, token
from tests.talk import create, post

WAIT_S = 30.0


class Late(Wire):
    """Holds back the handshake of a WebSocket; other requests pass."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.opens = asyncio.Event()

    def _flows(self) -> tuple[Flow, Flow]:
        async def there(data: bytes) -> bytes:
            if b"upgrade: websocket" in data.lower():
                await self.opens.wait()
            return data

        return there, self._pass


async def next_seq(events: AsyncIterator[Event]) -> int:
    async with asyncio.timeout(WAIT_S):
        return (await anext(events)).seq


async def test_what_is_committed_between_the_pages_and_the_welcome_is_shown_though_nothing_follows(site: Site) -> None:
    async with running(site):
        read, write = await site.start("read"), await site.start("write")
        room = await create(write, "alice")
        wire = Late(*target_of(read.url))
        async with laid(wire, read.url) as url, Client(url, write.url, token("alice")) as alice:
            events = alice.conversation(room).events(after=0)
            assert await next_seq(events) == 1
            await post(write, "alice", room, "in between")
            wire.opens.set()
            assert await next_seq(events) == 2
