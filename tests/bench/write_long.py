"""`make bench-write-long`: a write gateway that is sent ten times what it can take, for a minute."""

from collections.abc import Sequence

from tests.bench.bench import Bench
from tests.bench.document import OURS
from tests.bench.flood import Surge, run_flood
from tests.bench.load.texts import sized_texts
from tests.bench.rooms import Plot, open_rooms
from tests.bench.rounds import Experiment, Reading, Sample
from tests.bench.sends import Load, run_sends
from tests.bench.stage import Stage
from tests.bench.units import DOUBTFUL, MEMORY, SENDS
from tests.bench.writers import start_writers

USERS, TEXT_BYTES, TIMES, KNOWN_S = 100, 200, 10, 2.0

_ABOUT = """
How much memory a write gateway takes while 100 sockets send ten times as much as it can commit. What it can commit is measured
just before, by 100 sockets that keep ten sends in flight each. Then each socket sends at its pace, as far as the gateway reads
it (a socket is skipped while 64 KiB of it are unread), and cares for no refusal: every send says `again`, so that none is put
off for the sake of order. Each send must be acknowledged, or refused as one that may come later, and what is stored in the end
must be what was acknowledged, in order and without a hole. Of a send that was refused with `unavailable` nobody is told whether
it is stored, and it may be.

- *The first* and *the last* are sixths of the flood (10 s of the 60 s that `make bench-write-long` takes), and each says how
  much it was at most. *After the flood*: 2 s after the last answer.
- *Answered* are the acknowledged and the refused together: so many the gateway read and dealt with.
- 200-byte texts, 1,000 conversations of two members each. The limits of rates are off (`RINGPOST_RATE_USER=0`,
  `RINGPOST_RATE_CONVERSATION=0`), all others are as they come, such as `RINGPOST_QUEUE_ROWS=20000`. fsync and
  synchronous_commit are on.
"""


async def _prepare(stage: Stage) -> Sequence[Experiment]:
    writers, texts = await start_writers(stage, 1), sized_texts(TEXT_BYTES)
    rooms = await open_rooms(writers.chat, Plot(1_000, USERS, 2))

    async def run(seconds: float) -> Reading:
        known = (await run_sends(writers, rooms, Load(USERS, in_flight=10), texts, KNOWN_S)).window
        can = known.acked / known.seconds
        return _read(can, await run_flood(writers, rooms, texts, USERS, TIMES * can, seconds))

    return [Experiment(f"a flood, {TIMES} times what it can take", {OURS: run})]


def _read(can: float, surge: Surge) -> Reading:
    sixth = max(1, len(surge.memory) // 6)
    memory = {
        "before the flood": surge.before,
        "at most in the flood's first sixth": max(surge.memory[:sixth]),
        "at most in the flood's last sixth": max(surge.memory[-sixth:]),
        "after the flood": surge.after,
    }
    window = surge.window
    sends = {
        "WebSocket sends, what it can take": can,
        "acknowledged, in the flood": window.acked / window.seconds,
        "answered, in the flood": (window.acked + surge.refused) / window.seconds,
    }
    samples = [Sample(f"memory of a gateway, {when}", MEMORY, size / 2**20) for when, size in memory.items()]
    samples += [Sample(row, SENDS, value) for row, value in sends.items()]
    return Reading([*samples, Sample("refused as unavailable, in the flood", DOUBTFUL, surge.doubtful)], window.busy)


WRITE_LONG = Bench(
    "The long write benchmark: ten times what a gateway can take",
    _ABOUT,
    ("asyncpg", "msgspec", "redis", "uvicorn", "uvloop", "websockets"),
    _prepare,
)
