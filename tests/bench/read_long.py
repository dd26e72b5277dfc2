"""`make bench-read-long`: ten minutes of an even load on a read gateway, and whether its memory stays what it is."""

from collections.abc import Sequence

from tests.bench.bench import Bench
from tests.bench.document import OURS
from tests.bench.fanout import Flow
from tests.bench.houses import Shape, start_readers
from tests.bench.load.texts import sized_texts
from tests.bench.rounds import Experiment, Reading, Sample
from tests.bench.soak import Soak, run_soak
from tests.bench.stage import Stage
from tests.bench.units import DELIVERIES, MEMORY, PER_GATEWAY_CPU_SECOND, VISITS

LONGER, TEXT_BYTES = 10.0, 200
SHAPE, PACE = Shape(20, 50, 1), Flow(per_second=100)

_ABOUT = """
How much memory a read gateway takes over a long time: 1,000 sockets in 20 conversations of 50, 100 sends a second spread over
them, which are 5,000 deliveries a second. Ten times a second somebody comes with a second socket, says hello, and goes after
five seconds. Each delivery to those who stay is checked: once, in order, without a hole; nobody checks what the visitors get.

- *The first* and *the last* are sixths of the time (100 s of the ten minutes that `make bench-read-long` takes); each says how
  much it was at most, looked at every second. *Growth* is the last one's most less the first one's.
- A write gateway, Postgres (fsync on) and Valkey stand behind it, no router before it. Texts have 200 bytes. Rates are not
  limited; all else is as it comes.
"""


async def _prepare(stage: Stage) -> Sequence[Experiment]:
    readers, texts = await start_readers(stage), sized_texts(TEXT_BYTES)

    async def run(seconds: float) -> Reading:
        return read_soak(await run_soak(readers.house, SHAPE, PACE, texts, LONGER * seconds))

    return [Experiment("a long time", {OURS: run})]


def read_soak(soak: Soak) -> Reading:
    sixth, window = max(1, len(soak.memory) // 6), soak.window
    first, last = max(soak.memory[:sixth]), max(soak.memory[-sixth:])
    memory = {"at most in the first sixth": first, "at most in the last sixth": last, "growth": last - first}
    samples = [Sample(f"memory of a gateway, {when}", MEMORY, size / 2**20) for when, size in memory.items()]
    samples.append(Sample("deliveries, all the time", DELIVERIES, window.delivered / window.seconds))
    samples.append(Sample("deliveries, all the time", PER_GATEWAY_CPU_SECOND, window.delivered / window.servers_cpu_s))
    samples.append(Sample("sockets that came and went", VISITS, soak.visits))
    return Reading(samples, window.busy)


READ_LONG = Bench(
    "The long read benchmark: a read gateway's memory",
    _ABOUT,
    ("asyncpg", "hiredis", "msgspec", "redis", "uvicorn", "uvloop", "websockets"),
    _prepare,
)
