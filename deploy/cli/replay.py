"""`ringpost replay`: real chat logs through a running system, checked to the last message."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from deploy.local.access import Access
    from deploy.replay.plan import Plan
    from deploy.replay.runner import Choices, Runner


class Way(StrEnum):
    POST = "post"
    WS = "ws"


def run(
    logs: Annotated[list[Path], typer.Argument(help="IRC logs; each is a conversation.", exists=True, dir_okay=False)],
    watchers: Annotated[int, typer.Option(min=0, max=500, help="Users who follow every conversation to its end.")] = 2,
    via: Annotated[Way, typer.Option(help="Send by WebSocket, or each line by a POST.")] = Way.WS,
    watch_via: Annotated[
        str,
        typer.Option(
            metavar="WAYS", help="What watchers read by, in turn: ws,sse,poll,auto,mixed (another one every few seconds)."
        ),
    ] = "auto",
    speed: Annotated[str, typer.Option(help="max, or how many times faster than the logs' own clock.")] = "max",
    pipelined: Annotated[
        bool, typer.Option("--pipelined", help="Keep order for each sender only, and wait for nobody else (to measure rates).")
    ] = False,
    kill: Annotated[
        str, typer.Option(metavar="PARTS", help="Kill (-9) these again and again: read,write,redis,postgres,router.")
    ] = "",
    stop: Annotated[
        str, typer.Option(metavar="PART:SECONDS", help="Stop (SIGSTOP) one part for so long when a third is sent: redis:20.")
    ] = "",
    roll: Annotated[
        str, typer.Option(metavar="POOLS", help="Restart the gateways of these one by one, as a deploy does: read,write.")
    ] = "",
    connections: Annotated[
        int, typer.Option(min=64, max=4000, help="Senders connected at once; beyond that the longest idle one is closed.")
    ] = 600,
    seed: Annotated[int, typer.Option(help="Gives the ids, the kills and their pauses; a repeated run has other ids.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Replay IRC logs through the running system, then check that nothing was lost, doubled, reordered or altered.

    Each nick is a user with a connection from an address of its own in 127.0.0.0/8; each line is a send with its own id. The
    next line of a log waits for the acknowledgement of the one before. Finds the system by RINGPOST_DATA, RINGPOST_READ_PORT
    and RINGPOST_WRITE_PORT. Ends with status 1 if the check finds a fault.
    """
    from ringpost_client import ClientError

    from deploy.local.access import find_access
    from deploy.local.errors import NotRunning
    from deploy.replay.killer import NotRestarted
    from deploy.replay.roller import NotRolled
    from deploy.replay.runner import Stalled

    try:
        access, plan = find_access(), _plan(logs, watchers, seed)
        choices = _choices(access, via, watch_via, speed, kill, stop, roll, pipelined, connections, seed)
        found = _run(access, plan, choices)
    except KeyboardInterrupt:
        print("ringpost: the replay was stopped; nothing was checked.", file=sys.stderr)
        raise typer.Exit(130) from None
    except (NotRunning, NotRestarted, NotRolled, Stalled, ClientError, ValueError, OSError) as error:
        _fail(error)
    except BaseExceptionGroup as group:
        # One of the tasks that a replay consists of ended it, for one of the reasons above.
        expected, bugs = group.split((NotRunning, NotRestarted, NotRolled, Stalled, ClientError, ValueError, OSError))
        if expected is None or bugs is not None:
            raise
        _fail(_first(expected))
    _show(found, as_json)
    if any(found[fault] for fault in ("lost", "duplicated", "out_of_order", "altered", "disagreements")):
        raise typer.Exit(1)


def _fail(error: BaseException) -> NoReturn:
    print(f"ringpost: {error}", file=sys.stderr)
    raise typer.Exit(2)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _plan(logs: list[Path], watchers: int, seed: int) -> "Plan":
    from secrets import token_hex

    from deploy.replay.irc import read_log
    from deploy.replay.plan import make_plan

    plan = make_plan([read_log(path) for path in logs], watchers=watchers, seed=seed, run=token_hex(4))
    if not plan.total:
        raise ValueError("these files have no line that somebody said; ringpost replay reads IRC logs: [HH:MM] <nick> text")
    names = [script.name for script in plan.scripts]
    if len(names) != len(set(names)):
        raise ValueError("two logs have the same name; give each once")
    return plan


def _choices(
    access: "Access",
    via: Way,
    watch_via: str,
    speed: str,
    kill: str,
    stop: str,
    roll: str,
    pipelined: bool,
    connections: int,
    seed: int,
) -> "Choices":
    from ringpost_client import Via

    from deploy.replay.killer import parse_stop, parse_targets
    from deploy.replay.roller import parse_pools
    from deploy.replay.runner import Choices
    from deploy.replay.transports import parse_watches

    if (kill or stop or roll) and access.local is None:
        raise ValueError("--kill, --stop and --roll need the data folder of the running system: set RINGPOST_DATA.")
    return Choices(
        via=Via(via.value),
        watch_via=parse_watches(watch_via),
        speed=_speed(speed),
        kill=parse_targets(kill),
        stop=parse_stop(stop) if stop else None,
        roll=parse_pools(roll),
        pipelined=pipelined,
        connections=connections,
        seed=seed,
    )


def _speed(text: str) -> float | None:
    try:
        speed = None if text == "max" else float(text)
    except ValueError:
        speed = 0
    if speed is not None and not 0 < speed < 1e9:
        raise ValueError(f"--speed {text}: give max, or a number above 0 (60: an hour of the log in a minute)")
    return speed


def _run(access: "Access", plan: "Plan", choices: "Choices") -> dict[str, Any]:
    """Replay and check; Ctrl-C closes everything first."""
    import uvloop

    from deploy.replay.runner import Runner

    runner = Runner(access, plan, choices)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop, _progress(runner) as refresh:
        return loop.run(_replay(runner, access, choices, refresh))


async def _replay(runner: "Runner", access: "Access", choices: "Choices", refresh: Any) -> dict[str, Any]:
    from deploy.replay.checker import check
    from deploy.replay.report import gather, report
    from deploy.replay.select import select_entries

    showing = asyncio.create_task(refresh())
    try:
        await runner.run()
        told = await runner.read_history()
        replay = runner.replay
        url = access.local.postgres_url if access.local else None
        selected = await select_entries(url, list(replay.conversations.values())) if url else None
    finally:
        showing.cancel()
    histories = gather(replay, told, selected)
    return report(replay, choices, histories, check(histories, by_sender=choices.pipelined))


@contextmanager
def _progress(runner: "Runner") -> Iterator[Any]:
    """A bar on stderr; yields what keeps it going."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[kills]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task(runner.replay.phase, total=runner.replay.plan.total, kills="")

        async def refresh() -> None:
            while True:
                kills = f"{runner.kills} kills" if runner.kills else ""
                answered = runner.replay.tally.answered
                bar.update(task, description=runner.replay.phase, completed=answered, kills=kills)
                bar.refresh()
                await asyncio.sleep(0.25)

        yield refresh


def _show(found: dict[str, Any], as_json: bool) -> None:
    from deploy.replay.report import table

    print(json.dumps(found) if as_json else table(found))
