"""What a hit and a miss of the recent events cost: `python -m tests.bench.recent`.

One client's catch-up of so many messages, read from Redis as finished frames, and read from Postgres and made into one; each
alone on its connection, the servers and this process on one core each.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from services.write.publications import Stored, of_batch
from shared import frames
from shared.bus.client import connect
from shared.bus.payload import cache_key, pack, unpack
from shared.bus.publishing import Bus, Publication
from shared.bus.recent import Recent
from shared.storage.append import Appender, NewEvent
from shared.storage.connection import Connections
from shared.storage.conversations import Conversations, NewConversation
from shared.storage.logs import Logs
from tests.bench.cores import choose_cores, pinned
from tests.bench.cpu import Meter
from tests.bench.stage import Stage, open_stage

TIMEOUT_S = 20.0


async def main(events: int, rounds: int) -> None:
    cores = choose_cores(os.sched_getaffinity(0))
    async with open_stage(cores) as stage:
        with pinned(cores.load):
            await _compare(stage, events, rounds)


async def _compare(stage: Stage, events: int, rounds: int) -> None:
    url = await stage.make_database("recent")
    stage.migrate(url)
    connections = Connections(url, size=1, timeout_s=TIMEOUT_S, name="recent")
    redis = connect(stage.valkey.url, TIMEOUT_S)
    bus, recent, logs = Bus(redis, TIMEOUT_S), Recent(redis, TIMEOUT_S), Logs(connections)
    made = await Conversations(connections).create(NewConversation("", uuid4(), {"alice": "owner"}))
    log, epoch = made.conversation, made.outcome.epoch
    await _fill(Appender(url, timeout_s=TIMEOUT_S, name="recent"), bus, log, events)
    key = cache_key("recent", log, epoch, 0)

    async def hit() -> int:
        found = [unpack(payload) for payload in await recent.run(key, 2)]
        return sum(payload.last - payload.first + 1 for payload in found)

    async def miss() -> int:
        run = await logs.run(log, 2, events + 1, events)
        assert run is not None
        frames.events_frame(log, run.events)
        return len(run.events)

    for name, read, server in (("hit", hit, stage.valkey_pid), ("miss", miss, stage.postgres_pid)):
        wall, cpu, served = await _measure(read, events, rounds, server)
        print(f"{name:5} {events} events: {wall:.3f} ms; {cpu:.3f} ms of the gateway's CPU, {served:.3f} ms of the server's")
    await bus.close()
    await redis.aclose()
    await connections.close()


async def _fill(appender: Appender, bus: Bus, log: UUID, events: int) -> None:
    for n in range(events):
        new = NewEvent(log, "alice", uuid4(), "message", f"{n:04}" + "x" * 196, None, b"")
        stored: Stored = [(new, (await appender.append([new], patient=True))[0])]
        for _, payload in of_batch(stored):
            key = cache_key("recent", log, payload.epoch, payload.generation)
            await bus.publish([Publication("nobody", key, payload.first, pack(payload), True)])
    appender.close()


async def _measure(read: Callable[[], Awaitable[int]], events: int, rounds: int, server: int) -> tuple[float, float, float]:
    """Return the median wall time of one reading and the mean CPU time here and in the server's processes, in milliseconds."""
    walls = []
    meter = Meter(server)
    here, there = time.process_time(), meter.seconds()
    for _ in range(rounds):
        began = time.perf_counter()
        found = await read()
        assert found == events, f"{found} events of {events} came"
        walls.append(time.perf_counter() - began)
    here, there = time.process_time() - here, meter.seconds() - there
    return 1000 * statistics.median(walls), 1000 * here / rounds, 1000 * there / rounds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=500)
    asyncio.run(main(**vars(parser.parse_args())))
