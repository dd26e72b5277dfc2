"""Systems that deliver: who is in which conversation, where they connect, and the process whose time counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_hex

from tests.bench.chats import Chat, run_tutorial, start_gateway
from tests.bench.cpu import Meter
from tests.bench.dialect import Dialect
from tests.bench.document import OURS
from tests.bench.ledger import Ledger
from tests.bench.load.address import Address
from tests.bench.load.sender import SocketLine
from tests.bench.ours import Ringpost, encode
from tests.bench.relay import RelayLine
from tests.bench.stage import Stage, free_address
from tests.bench.tutorial import Tutorial
from tests.bench.writers import RATES_OFF
from tests.gateways import token

MOST_SOCKETS = 16_000
PING = b'{"type":"ping"}'


@dataclass(frozen=True, slots=True)
class Shape:
    """So many groups of so many users; each group has so many conversations of all its users."""

    groups: int
    size: int
    conversations: int = 1

    @property
    def users(self) -> int:
        return self.groups * self.size


@dataclass(frozen=True, slots=True)
class Group:
    """Users who are in the same conversations; the *owner* sends and does not read."""

    owner: str
    users: Sequence[str]
    conversations: Sequence[str]


class Member(Ringpost):
    """Ringpost, by somebody who has the inbox up to the last of these conversations, and of each what was there before."""

    def hello(self, user: str, conversations: Sequence[str]) -> bytes:
        return encode({"type": "hello", "token": token(user), "inbox": len(conversations)})


@dataclass(slots=True)
class House:
    """A chat system. *gateway*: the process that delivers, alone; *ping*: what an idle client says, if anything."""

    chat: Chat
    pid: int
    make_line: Callable[[Dialect, Ledger], SocketLine | RelayLine]
    ping: bytes | None = None
    _groups: dict[Shape, list[Group]] = field(default_factory=dict, repr=False)

    @property
    def gateway(self) -> Meter:
        return Meter(self.pid)

    def at(self, address: Address, pid: int) -> "House":
        """Return this system with another process that delivers."""
        return replace(self, chat=replace(self.chat, read=address), pid=pid)

    async def groups(self, shape: Shape) -> list[Group]:
        """Return the groups of *shape*; they are made when they are first asked for."""
        if shape not in self._groups:
            run = token_hex(4)
            self._groups[shape] = [await self._make_group(f"{run}-{n}", shape) for n in range(shape.groups)]
        return self._groups[shape]

    async def _make_group(self, name: str, shape: Shape) -> Group:
        owner, users = f"{name}-owner", [f"{name}-{n}" for n in range(shape.size)]
        return Group(owner, users, [await self.chat.create([owner, *users]) for _ in range(shape.conversations)])


@dataclass(frozen=True, slots=True)
class Readers:
    """Our system, and what starts more read gateways of it."""

    house: House
    url: str

    async def start(self, stage: Stage, name: str) -> House:
        """Start another read gateway on *stage*."""
        address, pid = await _start_reader(stage, name, self.url)
        return self.house.at(address, pid)


async def start_readers(stage: Stage) -> Readers:
    """Start a write and a read gateway, their limits of rates off."""
    url = await stage.make_database(OURS)
    stage.migrate(url)
    write = free_address()
    write_pid = await start_gateway(stage, "write", write, url, **RATES_OFF)
    read, read_pid = await _start_reader(stage, "read", url)
    meter = Meter(write_pid, read_pid, stage.postgres_pid, stage.valkey_pid)
    return Readers(House(Chat(Member(), read, write, meter, stage.cores), read_pid, SocketLine, PING), url)


async def start_tutorial_house(stage: Stage) -> House:
    address, pid = await run_tutorial(stage, await stage.make_database("tutorial"))
    meter = Meter(pid, stage.postgres_pid, stage.valkey_pid)
    return House(Chat(Tutorial(), address, address, meter, stage.cores), pid, SocketLine)


async def _start_reader(stage: Stage, name: str, url: str) -> tuple[Address, int]:
    address = free_address()
    pid = await start_gateway(stage, "read", address, url, NAME=name, MAX_SOCKETS=str(MOST_SOCKETS), **RATES_OFF)
    return address, pid
