"""`ringpost top`: gateways, rates, delays and the ring of a running system."""

import asyncio
import sys
from typing import Annotated

import typer


def run(
    url: Annotated[
        list[str] | None,
        typer.Option("--url", metavar="URL", help="A router's admin address (RINGPOST_ADMIN_URL); may be given again."),
    ] = None,
    every: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two frames.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame, of one second, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one frame as JSON, and end.")] = False,
) -> None:
    """Show a running system: connections, sends and deliveries a second, delays, lag, repairs, the ring. q ends it.

    Finds the system by RINGPOST_DATA or RINGPOST_ADMIN_URL. Gateways are asked where routers know them; those that can't be
    reached from here are shown as routers see them. Ends with status 2 if no system is known.
    """
    from deploy.local.errors import LocalError
    from deploy.ring.asking import find_routers

    try:
        routers = {given: given.rstrip("/") for given in url or []} or find_routers(None)
    except LocalError as error:
        print(f"ringpost: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    try:
        _show(routers, every, is_once=once or not sys.stdout.isatty(), as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130 if once or as_json else 0) from None


def _show(routers: dict[str, str], every_s: float, *, is_once: bool, as_json: bool) -> None:
    from rich.console import Console

    from deploy.top.screen import frame, glance, watch

    if as_json:
        import msgspec

        print(msgspec.json.encode(asyncio.run(glance(routers))).decode())
    elif is_once:
        frame(asyncio.run(glance(routers)), Console(width=None if sys.stdout.isatty() else 140, highlight=False))
    else:
        asyncio.run(watch(routers, every_s))
