"""`make bench-read`: from a commit to the sockets: fan-out, idle connections, delays, and coming back after a kill."""

import sys
from collections.abc import Sequence

import msgspec

from tests.bench.bench import Bench
from tests.bench.chats import FASTAPI_TUTORIAL
from tests.bench.cpu import Meter
from tests.bench.fanout import Flow
from tests.bench.floor import Floor
from tests.bench.houses import Shape, start_readers, start_tutorial_house
from tests.bench.load.address import Address
from tests.bench.load.texts import sized_texts
from tests.bench.pace import Watched
from tests.bench.peers.tables import make_tables
from tests.bench.read_page import ABOUT
from tests.bench.read_runs import ReadRuns
from tests.bench.relays import BUN, C_LOOP, PEERS, SOCKETIFY, STARLETTE, start_relays
from tests.bench.rounds import Experiment
from tests.bench.stage import Stage, free_address

TEXT_BYTES = 200
HALL, HALLS = Shape(1, 1_000), Shape(100, 100)
IDLERS, CROWD, ROOMS = Shape(5, 1_000, 3), Shape(15, 1_000, 3), Shape(50, 100)
PACE = Flow(per_second=100)
_IDLE, _IDLE_CPU = "memory an idle connection", "idle CPU a connection"
_CROWD, _RESUME = "15,000 connections", "5,000 clients resume after kill -9"
_LATENCY = "push latency, 5,000 sockets, 10,000 deliveries/s"
_FANOUTS: Sequence[tuple[str, Shape, Flow, Sequence[str]]] = (
    ("room of 1,000, one at a time", HALL, Flow(), (C_LOOP, BUN, SOCKETIFY, STARLETTE, FASTAPI_TUTORIAL)),
    ("room of 1,000, burst of 16", HALL, Flow(volley=16), (C_LOOP, BUN)),
    ("100 rooms of 100", HALLS, Flow(), (C_LOOP, BUN)),
)


async def _prepare(stage: Stage) -> Sequence[Experiment]:
    texts = sized_texts(TEXT_BYTES)
    readers, tutorial = await start_readers(stage), await start_tutorial_house(stage)
    runs = ReadRuns(stage, readers, await start_relays(stage) | {FASTAPI_TUTORIAL: tutorial}, texts)
    floor, floor_watched = await start_floor(stage, msgspec.json.decode(texts.encoded[0]))
    echo, echo_watched = await start_echo(stage)
    return [
        Experiment(_IDLE, runs.idle(_IDLE, _IDLE_CPU, IDLERS)),
        *(Experiment(row, runs.fanout(row, shape, flow, peers)) for row, shape, flow, peers in _FANOUTS),
        Experiment(_LATENCY, runs.latency(_LATENCY, ROOMS, PACE, floor, floor_watched)),
        Experiment(_RESUME, runs.resume(_RESUME, ROOMS, echo, echo_watched)),
        Experiment(_CROWD, runs.crowd(_CROWD, CROWD)),
    ]


async def start_floor(stage: Stage, text: str) -> tuple[Floor, Watched]:
    """Start what the floor is measured on; return it with what takes processor time there."""
    tables, hop = await make_tables(await stage.make_database("floor")), free_address()
    argv = (sys.executable, str(PEERS / "hop.py"), str(hop.port))
    pid = await stage.start_program("hop", argv, {}, hop.port)
    watched = Watched(Meter(pid, stage.postgres_pid, stage.valkey_pid), stage.cores)
    return Floor(tables, text, stage.valkey.url, hop), watched


async def start_echo(stage: Stage) -> tuple[Address, Watched]:
    """Start an echo over our own edge, which knows no hello."""
    echo = free_address()
    pid = await stage.start("echo", ("tests.bench.echo", "--port", str(echo.port)), {}, echo.port)
    return echo, Watched(Meter(pid), stage.cores)


READ = Bench(
    "The read benchmark: from a commit to the sockets",
    ABOUT,
    (
        "asyncpg",
        "fastapi",
        "hiredis",
        "httptools",
        "msgspec",
        "pydantic",
        "redis",
        "starlette",
        "uvicorn",
        "uvloop",
        "websockets",
    ),
    _prepare,
)
