"""Chat systems, running: Ringpost's gateways, and the peers that are chats too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from deploy.swarm.http import Connection, open_connection
from shared.auth import RATE_MOST
from tests.bench.cores import Cores
from tests.bench.cpu import Meter
from tests.bench.dialect import Dialect
from tests.bench.document import OURS
from tests.bench.load.address import Address
from tests.bench.ours import Ringpost
from tests.bench.stage import Stage, free_address
from tests.bench.tutorial import Tutorial
from tests.gateways import ADMIN_KEY, JWT_KEY

FASTAPI_TUTORIAL = "FastAPI tutorial"


@dataclass(slots=True)
class Chat:
    """A chat system: where clients read and write, the processor time of all that it runs on, and the cores."""

    dialect: Dialect
    read: Address
    write: Address
    meter: Meter
    cores: Cores
    _admin: Connection | None = field(default=None, repr=False)

    async def create(self, members: Sequence[str]) -> str:
        """Return the id of a new conversation of *members*."""
        id = str(uuid4())
        request = self.dialect.create(id, members)
        if request is None:
            return id
        self._admin = self._admin or await open_connection(self.write)
        return self.dialect.created(await self._admin.answer(request))


async def start_ringpost(stage: Stage) -> Chat:
    """Start a write and a read gateway, with no router before them: clients connect straight."""
    url = await stage.make_database(OURS)
    stage.migrate(url)
    write, read = free_address(), free_address()
    pids = [await start_gateway(stage, role, address, url) for role, address in (("write", write), ("read", read))]
    return Chat(Ringpost(), read, write, Meter(*pids, stage.postgres_pid, stage.valkey_pid), stage.cores)


async def start_gateway(stage: Stage, role: str, address: Address, postgres_url: str, **settings: str) -> int:
    """Start a gateway; return its pid. *settings* are RINGPOST_ variables without the prefix, and win over those given here."""
    settings = {
        "ROLE": role,
        "NAME": role,
        "PORT": str(address.port),
        "POSTGRES_URL": postgres_url,
        "REDIS_URL": stage.valkey.url,
        "JWT_KEY": JWT_KEY,
        "ADMIN_KEY": ADMIN_KEY,
        "RATE_USER": str(RATE_MOST),  # the limits are counted as ever, and hold nobody back
        "RATE_CONVERSATION": str(RATE_MOST),
        "DRAIN_SETTLE_S": "0.2",
        "DRAIN_SPREAD_S": "0.2",
    } | settings
    environment = {f"RINGPOST_{name}": value for name, value in settings.items()}
    return await stage.start(settings["NAME"], ("services",), environment, address.port)


async def start_tutorial(stage: Stage) -> Chat:
    """Start the tutorial's chat, alone in its process."""
    address, pid = await run_tutorial(stage, await stage.make_database("tutorial"))
    return Chat(Tutorial(), address, address, Meter(pid, stage.postgres_pid, stage.valkey_pid), stage.cores)


async def run_tutorial(stage: Stage, url: str) -> tuple[Address, int]:
    """Run it as one process of uvicorn, on uvloop and without permessage-deflate; return where it is, and its pid."""
    address = free_address()
    options = ("--port", str(address.port), "--loop", "uvloop", "--ws-per-message-deflate", "false", "--no-access-log")
    environment = {"DATABASE_URL": url, "REDIS_URL": stage.valkey.url, "JWT_KEY": JWT_KEY}
    argv = ("uvicorn", "tests.bench.peers.fastapi_chat:app", *options)
    return address, await stage.start("tutorial", argv, environment, address.port)
