"""`make bench-first`: where all of it stands beside the chat that a FastAPI tutorial teaches, and what the naive ways cost."""

from collections.abc import Mapping, Sequence

from tests.bench.bench import Bench
from tests.bench.chats import FASTAPI_TUTORIAL, Chat, start_ringpost, start_tutorial
from tests.bench.crowd import Plan, run_crowd
from tests.bench.document import OURS, Unit
from tests.bench.load.texts import Texts, load_texts
from tests.bench.rounds import Experiment, Reading, Run
from tests.bench.stage import Stage
from tests.bench.units import (
    CPU_MS,
    DELIVERIES,
    EMPTY_ANSWERS,
    HANDSHAKES,
    MEDIAN_DELAY,
    P99_DELAY,
    PER_CPU_SECOND,
    SENDS,
    read_window,
)
from tests.bench.ways import Way, run_way

_CROWDS: Sequence[tuple[str, Plan, Sequence[Unit]]] = (
    ("WebSocket sends, 128 conversations", Plan(128, 32, 1, in_flight=16), (SENDS, PER_CPU_SECOND)),
    ("WebSocket sends, one conversation", Plan(1, 8, 1, in_flight=16), (SENDS, PER_CPU_SECOND)),
    ("POST sends, keep-alive", Plan(64, 64, 1, in_flight=1, by_post=True), (SENDS, PER_CPU_SECOND)),
    ("deliveries to a room of 100", Plan(1, 10, 100, in_flight=4), (DELIVERIES, PER_CPU_SECOND)),
    ("deliveries to a room of 100, 50 sends a second", Plan(1, 1, 100, per_second=50), (PER_CPU_SECOND,)),
    ("send to delivery, 10 receivers, 50 sends a second", Plan(1, 1, 10, per_second=50), (MEDIAN_DELAY, P99_DELAY)),
)
_WAY_SECONDS = 2.0  # of each second asked for: they say little, and what they say takes up to a second to come

_ABOUT = """
Ringpost (a write and a read gateway, with no router before them) beside the chat that a good FastAPI tutorial teaches: one
`INSERT … RETURNING` a send with a unique constraint and `ON CONFLICT` against duplicates, redis-py's pub/sub, a `send_text`
loop, on uvloop, with an asyncpg pool and without permessage-deflate (`tests/bench/peers/fastapi_chat.py`). Both use the same
Postgres (fsync on) and the same Valkey. The tutorial's chat promises less: it does not look who may read or send, it
promises no order, limits nobody, and what Redis loses is lost. Ringpost's limits are on, but so high that nobody meets them.

- *WebSocket sends* and *POST sends* are flat out: 32 sockets with 16 sends in flight each, 8 sockets with 16 each, and 64 kept
  HTTP connections with one each. One more user receives everything.
- *A room of 100*: everybody in it receives each message. Flat out, 10 senders keep 4 in flight each, and Ringpost commits and
  pushes several messages at once; at 50 sends a second each message goes out alone.
- A send is done, and makes place for the next, when it was acknowledged and every receiver has it: nothing piles up.
- *The ways*: 100 people in 20 conversations of five; in each conversation one of them sends a message every four seconds.
  They ask for what is new every second, on a new connection each time or on a kept one; or by Ringpost's long poll; or have a
  socket. The tutorial has no long poll. What is counted begins after everybody has connected once.
"""


async def _prepare(stage: Stage) -> Sequence[Experiment]:
    chats = {OURS: await start_ringpost(stage), FASTAPI_TUTORIAL: await start_tutorial(stage)}
    texts = load_texts()
    crowds = [
        Experiment(name, {system: _crowd(name, chat, plan, units, texts) for system, chat in chats.items()})
        for name, plan, units in _CROWDS
    ]
    return [*crowds, *(Experiment(way, _ways(way, chats, texts)) for way in Way)]


def _crowd(name: str, chat: Chat, plan: Plan, units: Sequence[Unit], texts: Texts) -> Run:
    async def run(seconds: float) -> Reading:
        return read_window(name, await run_crowd(chat, plan, texts, seconds), units)

    return run


def _ways(way: Way, chats: Mapping[str, Chat], texts: Texts) -> Mapping[str, Run]:
    return {system: _way(way, chat, texts) for system, chat in chats.items() if system == OURS or way is not Way.LONG_POLL}


def _way(way: Way, chat: Chat, texts: Texts) -> Run:
    async def run(seconds: float) -> Reading:
        cost = await run_way(chat, way, texts, _WAY_SECONDS * seconds)
        counts = {HANDSHAKES: cost.handshakes, EMPTY_ANSWERS: cost.empty_answers}
        return read_window(way, cost.window, (CPU_MS, MEDIAN_DELAY), counts)

    return run


FIRST = Bench(
    "The first benchmark: the whole path",
    _ABOUT,
    ("asyncpg", "fastapi", "hiredis", "httptools", "pydantic", "redis", "starlette", "uvicorn", "uvloop", "websockets"),
    _prepare,
)
