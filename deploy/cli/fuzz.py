"""`ringpost fuzz`: clients under random troubles against a running system, checked to the last event."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from deploy.fuzz.births import Mother
    from deploy.fuzz.campaign import Campaign, Choices
    from deploy.fuzz.schedule import Schedule, Sdk
    from deploy.local.access import Access

    Prepare = Callable[[], AbstractAsyncContextManager[Campaign]]

BAR_S, LINE_S = 0.25, 30.0


class Which(StrEnum):
    PYTHON = "python"
    JS = "js"
    BOTH = "both"


def run(
    schedules: Annotated[int, typer.Option(min=1, help="How many schedules with each SDK.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Gives the schedules: the same ones for the same seed.")] = 1,
    client: Annotated[Which, typer.Option(help="Whose clients.")] = Which.BOTH,
    number: Annotated[int | None, typer.Option(min=1, help="Play this schedule of the seed alone.")] = None,
    play: Annotated[
        Path | None,
        typer.Option(help="Play the schedule in this file, as a failing one was printed.", exists=True, dir_okay=False),
    ] = None,
    each_step: Annotated[
        bool, typer.Option("--each-step", help="Instead: kill a client that sends at its first step, its second, to the last.")
    ] = False,
    side_by_side: Annotated[int, typer.Option(min=1, max=64, help="Schedules at once.")] = 6,
    kill: Annotated[
        str, typer.Option(metavar="PARTS", help="Kill (-9) parts of the system too: read,write,redis,postgres,router.")
    ] = "",
    failures: Annotated[int, typer.Option(min=1, help="Begin no more schedules once so many have failed.")] = 3,
    read_url: Annotated[str | None, typer.Option(help="Where read is, in place of what RINGPOST_ variables name.")] = None,
    write_url: Annotated[str | None, typer.Option(help="Where write is; both or none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Play random schedules with clients of the SDKs, then check that each lost nothing and showed nothing twice.

    A schedule is some users in conversations of their own: their sends, kills of their processes at any step of the SDK,
    networks that are cut, torn, slow, silent, half-open or away, wrong clocks, sleep, reconnects from elsewhere. When that is
    over and mended, all that was acknowledged or in an outbox must be stored once, in order, and every app must have seen all
    of it: each number once, in order. One that fails is printed with its seed and number, and made as small as possible.

    Finds the system by RINGPOST_DATA, RINGPOST_READ_PORT and RINGPOST_WRITE_PORT. Ends with status 1 if it finds a fault.
    """
    from ringpost_client import ClientError

    from deploy.fuzz.births import Absent
    from deploy.fuzz.campaign import Choices, prepared
    from deploy.local.errors import LocalError
    from deploy.replay.killer import NotRestarted, parse_targets

    _heed_signals()
    expected = (LocalError, NotRestarted, ClientError, Absent, ValueError, OSError)
    try:
        access = _access(read_url, write_url)
        choices = Choices(parse_targets(kill), side_by_side, failures, seed)
        if choices.targets and access.local is None:
            raise ValueError("--kill needs the data folder of the running system: set RINGPOST_DATA.")
        makers = _makers(client)
        wanted = None if each_step else _wanted(list(makers), schedules, number, play, choices)
        campaign, is_whole = _run(partial(prepared, access, makers, choices), wanted)
    except expected as error:
        _fail(error)
    except BaseExceptionGroup as group:
        # One of the tasks that a campaign consists of ended it, for one of the reasons above.
        found, bugs = group.split(expected)
        if found is None or bugs is not None:
            raise
        _fail(_first(found))
    _show(campaign, as_json)
    if any(tally.faults for tally in campaign.tallies.values()):
        raise typer.Exit(1)
    if not is_whole:
        print("ringpost: stopped before its end; this is what there was so far.", file=sys.stderr)
        raise typer.Exit(130)


def _heed_signals() -> None:
    """Stop upon Ctrl-C and SIGTERM, also where the caller had them ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def _fail(error: BaseException) -> NoReturn:
    print(f"ringpost: {error}", file=sys.stderr)
    raise typer.Exit(2)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _access(read_url: str | None, write_url: str | None) -> "Access":
    from deploy.local.access import Access, find_access

    if read_url is None and write_url is None:
        return find_access()
    if read_url is None or write_url is None:
        raise ValueError("give both --read-url and --write-url, or none")
    return Access(read_url.rstrip("/"), write_url.rstrip("/"), None)


def _makers(client: Which) -> "dict[Sdk, Callable[[], Mother]]":
    """Return what gives birth to the clients that are wanted, as far as they can be had."""
    from deploy.fuzz.births import Absent, NodeMother, PythonMother, find_node
    from deploy.fuzz.schedule import Sdk

    makers: dict[Sdk, Callable[[], Mother]] = {}
    if client is not Which.JS:
        makers[Sdk.PYTHON] = PythonMother
    if client is not Which.PYTHON:
        try:
            find_node()
            makers[Sdk.JS] = NodeMother
        except Absent as absent:
            if client is Which.JS:
                raise
            print(f"ringpost: {absent}; going on with the Python SDK alone.", file=sys.stderr)
    return makers


def _wanted(
    sdks: "Sequence[Sdk]", many: int, number: int | None, play: Path | None, choices: "Choices"
) -> "Sequence[Schedule]":
    """Return the schedules, those of one number next to each other."""
    from deploy.fuzz.generator import make_schedule
    from deploy.fuzz.schedule import decode

    if play is not None:
        schedule = decode(play.read_text())
        if schedule.sdk not in sdks:
            raise ValueError(f"{play} is a schedule of the {schedule.sdk.value} SDK: pass --client {schedule.sdk.value}")
        return [schedule]
    numbers = range(1, many + 1) if number is None else [number]
    return [make_schedule(choices.seed, n, sdk, choices.targets) for n in numbers for sdk in sdks]


def _run(prepare: "Prepare", schedules: "Sequence[Schedule] | None") -> "tuple[Campaign, bool]":
    """Play and check; return what there was, and whether it came to its end: Ctrl-C closes everything first."""
    held: list[Campaign] = []
    with asyncio.Runner() as loop:
        try:
            loop.run(_play(prepare, schedules, held))
        except KeyboardInterrupt:
            if not held:
                raise typer.Exit(130) from None
            return held[0], False
    return held[0], True


async def _play(prepare: "Prepare", schedules: "Sequence[Schedule] | None", held: "list[Campaign]") -> None:
    """Play *schedules*, or (None) those that die at each step."""
    async with prepare() as campaign:
        held.append(campaign)
        with _progress(campaign, None if schedules is None else len(schedules)) as refresh:
            showing = asyncio.create_task(refresh())
            try:
                await campaign.run(campaign.each_step() if schedules is None else iter(schedules))
            finally:
                showing.cancel()


@contextmanager
def _progress(campaign: "Campaign", total: int | None) -> Iterator[Callable[[], Coroutine[Any, Any, None]]]:
    """A bar on stderr, or now and then a line where that is no terminal; yields what keeps it going."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, auto_refresh=False) as bar:
        task = bar.add_task(campaign.phase, total=total, told="")

        async def refresh() -> None:
            while True:
                bar.update(task, description=campaign.phase, completed=campaign.played, told=_told(campaign))
                if console.is_terminal:
                    bar.refresh()
                else:
                    print(f"{campaign.phase} {campaign.played:,} of {total or 'all'}, {_told(campaign)}", file=sys.stderr)
                await asyncio.sleep(BAR_S if console.is_terminal else LINE_S)

        yield refresh


def _told(campaign: "Campaign") -> str:
    sends = sum(tally.counts["sends"] for tally in campaign.tallies.values())
    kills = sum(tally.counts["killed"] for tally in campaign.tallies.values())
    failed = sum(len(tally.failures) for tally in campaign.tallies.values())
    return f"{sends:,} sends, {kills:,} kills, {failed} failed"


def _show(campaign: "Campaign", as_json: bool) -> None:
    from deploy.fuzz.report import as_object, failures, table

    if as_json:
        print(json.dumps(as_object(campaign)))
        return
    print(table(campaign))
    for failure in failures(campaign):
        print(f"\n{failure}")
