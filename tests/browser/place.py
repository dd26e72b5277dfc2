"""A system for a browser: gateways behind a router, which know the addresses that the page is opened at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.gateways import Process, Site, free_port, running


@dataclass(slots=True)
class Place:
    site: Site
    read_url: str
    write_url: str
    settings: dict[str, str]
    readers: list[Process] = field(default_factory=list)
    writers: list[Process] = field(default_factory=list)

    async def start_reader(self) -> Process:
        self.readers.append(await self.site.start("read", **self.settings))
        return self.readers[-1]

    @property
    def write(self) -> Process:
        return self.writers[-1]


@asynccontextmanager
async def opened_place(site: Site, readers: int = 1, **settings: str) -> AsyncIterator[Place]:
    """Start so many read gateways, a write gateway and a router."""
    read_port, write_port = free_port(), free_port()
    read_url, write_url = (f"http://127.0.0.1:{port}" for port in (read_port, write_port))
    async with running(site):
        place = Place(site, read_url, write_url, {"public_read_url": read_url, "public_write_url": write_url} | settings)
        for _ in range(readers):
            await place.start_reader()
        place.writers.append(await site.start("write", **place.settings))
        await site.start_router(read_port=str(read_port), write_port=str(write_port))
        yield place
