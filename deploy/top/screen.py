"""The terminal: a frame every so often, until q or Ctrl-C."""

import asyncio
import contextlib
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.live import Live

from deploy.looking.asking import look
from deploy.top.output import draw
from deploy.top.view import View, compare

FIRST_S = 1.0


async def glance(routers: Mapping[str, str], over_s: float = FIRST_S) -> View:
    """Return one view, of two looks that are *over_s* apart."""
    before = await look(routers)
    await asyncio.sleep(over_s)
    return compare(before, await look(routers))


async def watch(routers: Mapping[str, str], every_s: float) -> None:
    """Show frames in place until the user presses q."""
    before = await look(routers)
    with _keys() as quits, Live(draw(compare(None, before), at=_clock()), screen=True, auto_refresh=False) as live:
        live.refresh()
        while not await _is_told(quits, every_s):
            now = await look(routers)
            live.update(draw(compare(before, now), at=_clock()), refresh=True)
            before = now


def frame(view: View, console: Console) -> None:
    console.print(draw(view, at=_clock()))


def _clock() -> str:
    return time.strftime("%H:%M:%S")


async def _is_told(quits: asyncio.Event, within_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await quits.wait()
    return quits.is_set()


@contextlib.contextmanager
def _keys() -> Iterator[asyncio.Event]:
    """Read keys as they are pressed; yields what is set by q. The terminal is left as it was."""
    quits, loop, stdin = asyncio.Event(), asyncio.get_running_loop(), sys.stdin
    if not stdin.isatty():
        yield quits
        return
    before = termios.tcgetattr(stdin)
    tty.setcbreak(stdin)
    loop.add_reader(stdin, lambda: quits.set() if stdin.read(1) in ("q", "Q", "") else None)
    try:
        yield quits
    finally:
        loop.remove_reader(stdin)
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)
