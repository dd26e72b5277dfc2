"""Something between that lets plain HTTP pass, and not what looks odd to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.wire import Flow, Wire, laid, target_of

SOCKET, STREAM = b"GET /v1/socket ", b"POST /v1/stream "


class Middlebox(Wire):
    """Cuts connections that ask for what is in `cuts`; keeps to itself what comes back to what is in `keeps`."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.cuts: set[bytes] = set()
        self.keeps: set[bytes] = set()
        self.asked: list[bytes] = []

    def _flows(self) -> tuple[Flow, Flow]:
        is_kept = False

        async def there(data: bytes) -> bytes:
            nonlocal is_kept
            for kind in (SOCKET, STREAM):
                if data.startswith(kind):
                    self.asked.append(kind)
                    if kind in self.cuts:
                        raise ConnectionResetError
                    is_kept = kind in self.keeps
            return await self._pass(data)

        async def back(data: bytes) -> bytes:
            if is_kept:
                await asyncio.Event().wait()
            return await self._pass(data)

        return there, back


@asynccontextmanager
async def boxed(url: str) -> AsyncIterator[tuple[str, Middlebox]]:
    """Put a middlebox before the server at *url*; yield the URL that goes through it."""
    box = Middlebox(*target_of(url))
    async with laid(box, url) as through:
        yield through, box
