"""One more process of a router's relay: `python -m router.worker`, started by the router, told by the same environment.

It tells its figures in a line of JSON a second, and ends when its standard input does.
"""

import asyncio
import os
import signal
import sys

import msgspec
import uvloop

from router.making import make_pools, make_relay, make_watch
from router.relaying import RelayPlane
from router.settings import RouterSettings
from shared.bus.client import is_cancelled
from shared.logs import configure
from shared.settings import load_or_exit

TELL_S = 1.0


async def run(s: RouterSettings) -> None:
    """Relay until the router that started this is gone or says so."""
    pools = make_pools(s)
    watch = make_watch(s, pools)
    plane = make_relay(s, pools, 0)
    await plane.prepare(())
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work) for work in (watch.run(), plane.run(), _tell(plane))]
        await _end_of_input()
        await plane.stop(s.drain_s)
        for task in running:
            task.cancel()


async def _tell(plane: RelayPlane) -> None:
    while not is_cancelled():
        try:
            os.write(sys.stdout.fileno(), msgspec.json.encode(plane.tell()) + b"\n")
        except BrokenPipeError:
            return  # the router is gone, as the end of our input says too
        await asyncio.sleep(TELL_S)


async def _end_of_input() -> None:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def main() -> None:
    settings = load_or_exit(RouterSettings)
    configure(settings, name=settings.name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the router's to answer
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
