"""docs/protocol.md, played: every transcript in it against running gateways."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.bindings import Bindings
from tests.contract import Contract
from tests.gateways import ADMIN_KEY, Process, Site, running, token
from tests.player import Difference, Player
from tests.transcript import read
from tests.wire import wired

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace")


@asynccontextmanager
async def stage(site: Site) -> AsyncIterator[Callable[[float], Player]]:
    """A read and a write gateway, on a Postgres that can go away; yield what makes those who play on them."""
    async with wired(site.postgres_url) as (url, wire), running(Site(url, site.redis_url, site.prefix)) as there:
        write, reader = await there.start("write", postgres_timeout_s="3"), await there.start("read")

        async def go_away() -> None:
            wire.hold()

        async def come_back() -> None:
            wire.cut()
            wire.release()

        async def stop_reader() -> None:
            reader.signal(signal.SIGTERM)

        happenings: dict[str, Callable[[], Awaitable[None]]] = {
            "Postgres is away": go_away,
            "Postgres is back": come_back,
            "the read gateway is told to stop": stop_reader,
        }
        known = {user: token(user) for user in USERS} | {"admin": ADMIN_KEY}
        services = {"READ": reader.url, "WRITE": write.url}
        contracts = {"READ": await contract_of(reader), "WRITE": await contract_of(write)}
        yield lambda wait_s: Player(services, Bindings(known, lambda: str(uuid4())), contracts, happenings, wait_s)


async def contract_of(process: Process) -> Contract:
    async with httpx.AsyncClient() as client:
        return Contract((await client.get(f"{process.url}/openapi.json")).json())


async def test_the_system_does_what_the_document_says(site: Site) -> None:
    steps = read(DOCUMENT)
    assert len(steps) > 150
    async with stage(site) as cast, cast(20) as player:
        await player.play(steps)


SAID = '→ {"type": "hello", "token": "$bob"}'
WELCOME = """← {"type": "welcome", "user": "bob", "gateway": "…", "roles": ["write"], "heartbeat_s": 10, "reconnect": "…",
  "expires_at": "…", "read": "http://localhost:8000", "write": "http://localhost:8001"}"""
TRUE = f"""
```transcript
> POST WRITE/v1/conversations
> Authorization: Bearer $alice
> {{"id": "$create", "members": ["bob"]}}
< 201
< {{"conversation": "$room", "seq": 1, "id": "$create", "at": "…"}}
> GET WRITE/v1/socket
> Upgrade: websocket
< 101
{SAID}
{WELCOME}
→ {{"type": "ping"}}
← {{"type": "pong"}}
→ {{"type": "send", "conversation": "$room", "id": "$one", "text": "One."}}
← {{"type": "acks", "acks": [{{"conversation": "$room", "id": "$one", "seq": 2, "at": "…", "duplicate": false}}]}}
→ close 1000
```
"""
UNTRUE = {
    "another status": ("< 201", "< 200", 6),
    "another number": ('"seq": 1,', '"seq": 2,', 7),
    "a value that is not that of its name": ('"id": "$create", "at"', '"id": "$room", "at"', 7),
    "a field too many": ('"at": "…"}\n> GET', '"at": "…", "more": 1}\n> GET', 7),
    "a field too few": (', "at": "…"}\n> GET', "}\n> GET", 7),
    "a header that is not there": ("< 201", "< 201\n< Retry-After: 1", 6),
    "a body that is not there": ("< 101", '< 101\n< {"user": "bob"}', 11),
    "no body": ('< {"conversation": "$room", "seq": 1, "id": "$create", "at": "…"}\n', "", 6),
    "another frame": ('← {"type": "pong"}', '← {"type": "caught_up"}', 15),
    "a truth that is a number": ('"duplicate": false', '"duplicate": 0', 17),
    "a frame that was left out": ('← {"type": "pong"}\n', "", 16),
    "a frame that was left out before the end": ("→ close 1000", '→ {"type": "ping"}\n→ close 1000', 19),
    "an end that does not come": ("→ close 1000", "← close 4000", 18),
    "no end": ("→ close 1000\n", "", 8),
    "a question without an answer": (
        """< 201
< {"conversation": "$room", "seq": 1, "id": "$create", "at": "…"}
""",
        "",
        6,
    ),
    "what nobody can do": ("→ close 1000", "(the sun goes down)", 18),
    "another method": ("POST WRITE/v1/conversations", "PUT WRITE/v1/conversations", 6),
}


async def test_a_line_that_is_not_true_is_found_and_named(site: Site) -> None:
    async with stage(site) as cast:
        async with cast(20) as player:
            await player.play(read(TRUE))
        for name, (true, untrue, line) in UNTRUE.items():
            assert TRUE.count(true) == 1, name
            async with cast(4) as player:
                with pytest.raises(Difference) as difference:
                    await player.play(read(TRUE.replace(true, untrue)))
            assert difference.value.line == line, f"{name}: {difference.value}"
