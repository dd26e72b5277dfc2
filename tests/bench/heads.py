"""What the comparison of heads costs a gateway and Postgres, once a second: `python -m tests.bench.heads`.

A hub serves logs that are where it thinks they are, in a table with many more, and compares.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg

from services.read.hub import Hub
from shared.bus.client import connect
from shared.bus.recent import Recent
from shared.bus.subscription import Subscription
from shared.storage.connection import Connections
from shared.storage.history import History
from shared.storage.logs import Logs
from tests.bench.cores import choose_cores, pinned
from tests.bench.cpu import Meter
from tests.bench.stage import Stage, open_stage

TIMEOUT_S = 30.0
_FILL = """
INSERT INTO conversations (conversation_id, kind, head)
SELECT gen_random_uuid(), 'group', 5 FROM generate_series(1, $1::int) RETURNING conversation_id
"""


async def main(logs: int, others: int, rounds: int) -> None:
    cores = choose_cores(os.sched_getaffinity(0))
    async with open_stage(cores) as stage:
        with pinned(cores.load):
            await _compare(stage, logs, others, rounds)


async def _compare(stage: Stage, logs: int, others: int, rounds: int) -> None:
    url = await stage.make_database("heads")
    stage.migrate(url)
    served = await _fill(url, logs, others)
    connections = Connections(url, size=2, timeout_s=TIMEOUT_S, name="heads")
    redis = connect(stage.valkey.url, TIMEOUT_S)
    subscription = Subscription(redis, TIMEOUT_S)
    hub, history = Hub(Logs(connections), Recent(redis, TIMEOUT_S), subscription, "heads"), History(connections)
    running = [asyncio.create_task(subscription.run()), asyncio.create_task(hub.run())]
    await asyncio.sleep(0.5)
    logs_here = await asyncio.gather(*(hub.serve(log) for log in served))

    async def all_heads() -> None:
        await history.heads(served)

    async def what_differs() -> None:
        await hub.compare(logs_here)

    for name, work in (("what differs", what_differs), ("every head", all_heads)):
        here, there = await _measure(work, rounds, stage.postgres_pid)
        print(f"{name:12} {logs:,} logs of {logs + others:,}: {here:.1f} ms of the gateway's CPU, {there:.1f} ms of Postgres'")
    for task in running:
        task.cancel()
    await redis.aclose()
    await connections.close()


async def _fill(url: str, logs: int, others: int) -> list[UUID]:
    connection = await asyncpg.connect(url)
    await connection.execute(_FILL, others)
    served = [row[0] for row in await connection.fetch(_FILL, logs)]
    await connection.execute("VACUUM ANALYZE conversations")
    await connection.close()
    return served


async def _measure(work: Callable[[], Awaitable[None]], rounds: int, server: int) -> tuple[float, float]:
    """Return the mean CPU time of one round here and in the server's processes, in milliseconds."""
    await work()
    meter = Meter(server)
    here, there = time.process_time(), meter.seconds()
    for _ in range(rounds):
        await work()
    return 1000 * (time.process_time() - here) / rounds, 1000 * (meter.seconds() - there) / rounds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=10_000)
    parser.add_argument("--others", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=50)
    asyncio.run(main(**vars(parser.parse_args())))
