"""`make bench-write`: from a send to its acknowledgement, beside Postgres alone and beside the chat of a FastAPI tutorial."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from tests.bench.bench import Bench
from tests.bench.chats import FASTAPI_TUTORIAL
from tests.bench.cpu import Meter
from tests.bench.document import OURS, Unit
from tests.bench.load.texts import Texts, sized_texts
from tests.bench.pace import Watched
from tests.bench.peers.batches import run_batches, run_direct
from tests.bench.peers.pgbench import FOUR_STATEMENTS, ONE_STATEMENT, Pgbench
from tests.bench.peers.tables import Tables, make_tables
from tests.bench.pulse import Pulse
from tests.bench.rooms import Plot, Rooms, open_rooms
from tests.bench.rounds import Experiment, Reading, Run, Sample
from tests.bench.sends import By, Load, Spell, run_idle, run_sends
from tests.bench.stage import Stage
from tests.bench.units import ACK_DELAY, CPU_A_SEND, SENDS
from tests.bench.writers import Writers, start_tutorial_writer, start_writers

PGBENCH, CTE, UNNEST, DIRECT = "pgbench", "one CTE statement", "unnest", "direct"
CONVERSATIONS, USERS, CROWD = 1_000, 100, 64
GATEWAYS, CLIENTS, TEXT_BYTES, IDLE_SECONDS = 4, (16, 64), 200, 2.0

Rows = Sequence[tuple[str, Unit]]

_MANY: Rows = [("WebSocket sends, 1,000 conversations", SENDS)]
_ONE: Rows = [("WebSocket sends, one conversation", SENDS)]
_CPU: Rows = [("CPU a send", CPU_A_SEND)]
_KEPT: Rows = [("POST sends, keep-alive", SENDS)]
_NEW: Rows = [("POST sends, new connection each", SENDS)]
_TWICE: Rows = [("WebSocket sends, every send twice", SENDS), ("CPU a send, every send twice", CPU_A_SEND)]
_PIPELINED, _SINGLY = Load(USERS, in_flight=10), Load(10 * USERS)
_BY_POST, _BY_NEW = Load(CROWD, by=By.POST), Load(CROWD, by=By.NEW_CONNECTIONS)
_ALONE: Sequence[tuple[Load, Rows]] = (
    (_SINGLY, [("WebSocket sends, 1,000 sockets", SENDS), ("CPU a send, 1,000 sockets", CPU_A_SEND)]),
    (_PIPELINED, [("WebSocket sends, 1 gateway", SENDS), ("CPU a send, 1 gateway", CPU_A_SEND)]),
    (replace(_PIPELINED, gateways=2), [("WebSocket sends, 2 gateways", SENDS), ("CPU a send, 2 gateways", CPU_A_SEND)]),
    (replace(_PIPELINED, gateways=4), [("WebSocket sends, 4 gateways", SENDS), ("CPU a send, 4 gateways", CPU_A_SEND)]),
    (replace(_PIPELINED, gateways=2, is_twice=True), _TWICE),
)

_ABOUT = """
Write gateways alone: no router before them, and nobody who reads. Each send is a text of 200 bytes under a client's UUID. It
goes into a table with two indexes, the same in every system: one by conversation and seq, one by conversation, sender and
id, which knows a send that came before. fsync and synchronous_commit are on. Our gateways run with the limits of rates off
(`RINGPOST_RATE_USER=0`, `RINGPOST_RATE_CONVERSATION=0`) and all other limits as they come; the peers have none.

The peers:

- `pgbench`: a transaction a message, as a service without batches has it. Begin, raise the conversation's counter, look for the
  id, insert, commit. 16 clients and 64 take turns in each round, and the better one counts.
- `one CTE statement`: all of that in one statement, by pgbench in the same way. Of two that retry one id at once, one ends with
  an error instead of the first one's seq ([why a batch is a function](../decisions/0002-one-function-a-batch.md)).
- `unnest`: the ceiling. asyncpg inserts batches of 500 by four connections, numbered by itself: no counters, no members, no
  look for an id but the index's own.
- `FastAPI tutorial`: the chat that a good tutorial teaches (`tests/bench/peers/fastapi_chat.py`), one `INSERT … ON CONFLICT` a
  message. It looks neither at members nor for holes.
- `direct`: asyncpg inserts one message, and waits for the commit.

pgbench and asyncpg work on the load's core and leave the servers' core to Postgres; our gateways and the tutorial's share it
with Postgres and Valkey. Ringpost also looks who is a member, and publishes what it stored to Redis.

The rows:

- *WebSocket sends, 1,000 conversations*: 100 sockets with ten sends in flight each. A conversation has two members, who both
  send. *1,000 sockets*: the same with one in flight on each. *1 gateway* is the same again, *2* and *4 gateways* spread the 100
  sockets over more of them, which share one core: this tells what sharing costs, and not what more machines bring. The two
  members of a conversation are at different gateways.
- *Every send twice*: a storm of retries. Each send goes through both of two gateways at once; each is counted once, both
  acknowledgements are awaited and must name the same seq. Beside it stands *2 gateways*, where each goes once.
- *One conversation*: 64 sockets of 64 members with 16 sends in flight each; pgbench has 64 clients and one counter.
- *POST sends*: 64 users who send one after the other.
- *CPU a send* is taken from the WebSocket sends, ours and the tutorial's; Valkey's part is left out.
- *Acknowledgement, idle*: one send at a time, a hundred a second, for twice as long as the others.

Before each run the tables are emptied, and a checkpoint is made. After it what is stored is read and held beside the
acknowledgements: each acknowledged send is stored once and under its seq, nothing else is, no conversation has a hole (of the
tutorial's chat this is not asked), and each sender's order is kept. What pgbench and asyncpg say they did is compared too.
"""


@dataclass(slots=True)
class _System:
    """A chat system; its conversations are made when they are first needed."""

    writers: Writers
    plot: Plot
    texts: Texts
    _rooms: Rooms | None = None

    def sends(self, load: Load, rows: Rows) -> Run:
        async def run(seconds: float) -> Reading:
            spell = await run_sends(self.writers, await self._open_rooms(), load, self.texts, seconds)
            return Reading([Sample(row, unit, _take(spell, unit)) for row, unit in rows], spell.window.busy)

        return run

    def idle(self) -> Run:
        async def run(seconds: float) -> Reading:
            return _read_pulse(await run_idle(self.writers, await self._open_rooms(), self.texts, IDLE_SECONDS * seconds))

        return run

    async def _open_rooms(self) -> Rooms:
        self._rooms = self._rooms or await open_rooms(self.writers.chat, self.plot)
        return self._rooms


@dataclass(frozen=True, slots=True)
class _Postgres:
    """The peers that are Postgres alone."""

    tables: Tables
    pgbench: Pgbench
    watched: Watched
    text: str

    def best(self, script: str, conversations: int, clients: Sequence[int], rows: Rows) -> Run:
        """Run *script* with each number of *clients*; the one that got most out of it counts."""

        async def run(seconds: float) -> Reading:
            paces = [await self.pgbench.measure(script, conversations, number, seconds) for number in clients]
            pace = max(paces, key=lambda pace: pace.per_second)
            return Reading([Sample(row, unit, pace.per_second) for row, unit in rows], pace.busy)

        return run

    def batches(self, rows: Rows) -> Run:
        async def run(seconds: float) -> Reading:
            pace = await run_batches(self.tables, CONVERSATIONS, self.text, self.watched, seconds)
            return Reading([Sample(row, unit, pace.per_second) for row, unit in rows], pace.busy)

        return run

    def direct(self) -> Run:
        async def run(seconds: float) -> Reading:
            return _read_pulse(await run_direct(self.tables, self.text, self.watched, IDLE_SECONDS * seconds))

        return run


async def _prepare(stage: Stage) -> Sequence[Experiment]:
    texts = sized_texts(TEXT_BYTES)
    writers, tutorial = await start_writers(stage, GATEWAYS), await start_tutorial_writer(stage)
    ours, theirs = (_System(system, Plot(CONVERSATIONS, USERS, 2), texts) for system in (writers, tutorial))
    hall = _System(writers, Plot(1, CROWD, CROWD), texts)
    postgres = await _make_postgres(stage, msgspec.json.decode(texts.encoded[0]))
    return [
        _experiment(
            _MANY,
            {
                OURS: ours.sends(_PIPELINED, [*_MANY, *_CPU]),
                PGBENCH: postgres.best(FOUR_STATEMENTS, CONVERSATIONS, CLIENTS, _MANY),
                CTE: postgres.best(ONE_STATEMENT, CONVERSATIONS, CLIENTS, _MANY),
                UNNEST: postgres.batches(_MANY),
                FASTAPI_TUTORIAL: theirs.sends(_PIPELINED, _CPU),
            },
        ),
        _experiment(
            _ONE,
            {
                OURS: hall.sends(Load(CROWD, in_flight=16), _ONE),
                PGBENCH: postgres.best(FOUR_STATEMENTS, 1, [CROWD], _ONE),
            },
        ),
        _experiment(_KEPT, {OURS: ours.sends(_BY_POST, _KEPT), FASTAPI_TUTORIAL: theirs.sends(_BY_POST, _KEPT)}),
        _experiment(_NEW, {OURS: ours.sends(_BY_NEW, _NEW), FASTAPI_TUTORIAL: theirs.sends(_BY_NEW, _NEW)}),
        Experiment("acknowledgement, idle", {OURS: ours.idle(), DIRECT: postgres.direct()}),
        *(_experiment(rows, {OURS: ours.sends(load, rows)}) for load, rows in _ALONE),
    ]


async def _make_postgres(stage: Stage, text: str) -> _Postgres:
    tables = await make_tables(await stage.make_database("peers"))
    servers = Meter(stage.postgres_pid)
    pgbench = Pgbench(tables, servers, stage.cores, stage.folder, text)
    return _Postgres(tables, pgbench, Watched(servers, stage.cores), text)


def _experiment(rows: Rows, runs: dict[str, Run]) -> Experiment:
    return Experiment(rows[0][0], runs)


def _take(spell: Spell, unit: Unit) -> float:
    return spell.cpu_us_a_send if unit is CPU_A_SEND else spell.window.acked / spell.window.seconds


def _read_pulse(pulse: Pulse) -> Reading:
    shares = {"p50": 0.5, "p99": 0.99}
    samples = [Sample(f"acknowledgement, idle {name}", ACK_DELAY, pulse.delay_ms(share)) for name, share in shares.items()]
    return Reading(samples, pulse.busy)


WRITE = Bench(
    "The write benchmark: from a send to its acknowledgement",
    _ABOUT,
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
