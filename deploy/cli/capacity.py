"""`ringpost capacity`: what this machine carries."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from deploy.capacity.measuring import Found


def run(
    headroom: Annotated[float, typer.Option(min=0.0, max=0.9, help="What shall stay free of processor and memory.")] = 0.4,
    sends: Annotated[float, typer.Option(min=0.0, help="Sends of a user in a minute.")] = 1.0,
    receivers: Annotated[float, typer.Option(min=0.0, help="Who gets each of them.")] = 10.0,
    seconds: Annotated[float, typer.Option(min=1.0, max=60.0, help="How long each of three stretches is measured.")] = 8.0,
    clients: Annotated[int, typer.Option(min=100, max=12_000, help="Clients to measure with.")] = 2_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure this machine for about a minute, and say what it carries: connections, sends, deliveries, users.

    It starts a small system of its own on free ports (Postgres, Valkey, a router, two gateways), measures processor time
    and memory of a connection, a send and a delivery, and stops it. Then it says which limits are to be raised, and how.
    """
    from deploy.capacity.limits import Load, judge, read_limits
    from deploy.capacity.model import PLANES, Machine, Wish, carry
    from deploy.capacity.output import show, to_json
    from deploy.capacity.usage import kernel_bytes
    from deploy.swarm.errors import Failed
    from router.settings import RouterSettings
    from services.settings import GatewaySettings

    if sys.platform != "linux":
        _fail("it needs Linux, whose /proc tells what processes use", 2)
    most = GatewaySettings.model_fields["max_sockets"].default, RouterSettings.model_fields["max_connections"].default
    machine = Machine(len(os.sched_getaffinity(0)), kernel_bytes()["available"], *most)
    try:
        found = _measure(seconds, clients)
    except KeyboardInterrupt:
        _fail("stopped; nothing was left running", 130)
    except (Failed, OSError) as error:
        _fail(str(error), 1)
    wish = Wish(headroom, sends, receivers)
    carried = [carry(found.measured, machine, wish, plane) for plane in PLANES]
    limits = [limit for one in carried for limit in judge(read_limits(), Load(one.users, one.read_gateways, one.relays))]
    needed = list({limit.name: limit for limit in sorted(limits, key=lambda limit: limit.need)}.values())
    if as_json:
        import json

        print(json.dumps(to_json(machine, found, wish, carried, needed)))
        return
    from rich.console import Console

    Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 140).print(
        show(machine, found, wish, carried, needed)
    )


def _measure(seconds: float, clients: int) -> "Found":
    import uvloop

    from deploy.capacity.measuring import Scale, measure

    scale = Scale(hall_guests=clients, hall_size=min(100, clients), seconds=seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        return loop.run(measure(scale, lambda words: print(f"{words} …", file=sys.stderr, flush=True)))


def _fail(words: str, status: int) -> NoReturn:
    print(f"ringpost: {words}.", file=sys.stderr)
    raise typer.Exit(status)
