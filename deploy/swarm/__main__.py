"""`python -m deploy.swarm`: a process of the swarm. Orders come by stdin, reports go to stdout; it ends with its stdin."""

import asyncio
import gc
import sys

import uvloop

from deploy.swarm.orders import Begin, encode, read_order
from deploy.swarm.swarm import Swarm

ORDER_BYTES = 1 << 20


async def obey() -> None:
    swarm = Swarm()
    reader = asyncio.StreamReader(ORDER_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        works: list[asyncio.Task[None]] = []
        while line := await reader.readline():
            order = read_order(line)
            if isinstance(order, Begin):
                works.append(tasks.create_task(swarm.begin(order)))
            else:
                sys.stdout.buffer.write(encode(swarm.report(whole=order.whole)) + b"\n")
                sys.stdout.buffer.flush()
        swarm.end()
        for work in works:
            work.cancel()


def main() -> None:
    gc.disable()  # what a guest keeps has no cycles, and a walk over 15,000 of them would stop them all
    uvloop.run(obey())


if __name__ == "__main__":
    main()
