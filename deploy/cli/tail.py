"""`ringpost tail`: conversations as they go on, on a terminal."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deploy.chat.output import Output


class Way(StrEnum):
    AUTO = "auto"
    WS = "ws"
    SSE = "sse"
    POLL = "poll"


def run(
    user: Annotated[str, typer.Option("--as", metavar="USER", help="Who reads.")],
    conversations: Annotated[
        list[str] | None, typer.Argument(metavar="CONVERSATION", help="Titles or ids; if none is given, all.")
    ] = None,
    after: Annotated[int | None, typer.Option(metavar="N", min=0, help="Begin after event N of the named ones.")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the first event.")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="Begin with the last N events at most.")] = None,
    state: Annotated[Path | None, typer.Option(metavar="DIR", help="Where it is kept how far was shown.")] = None,
    via: Annotated[
        Way, typer.Option(help="Read by this alone; auto: by the best that passes, a WebSocket if it can.")
    ] = Way.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a JSON object.")] = False,
) -> None:
    """Follow conversations live, from where it stopped last time; the first time from each one's last 10 events.

    How far was shown is kept in the data folder, every second and at the end; after a kill -9 the last second's events come
    again. What could drive the terminal (escapes, control characters, marks of direction) is shown as \\x1b and the like.
    Finds the system by RINGPOST_DATA, RINGPOST_READ_PORT and RINGPOST_WRITE_PORT.
    """
    from ringpost_client import AUTO, Transport

    from deploy.chat.command import execute
    from deploy.chat.entry import enter
    from deploy.chat.errors import ChatError
    from deploy.chat.follower import Follower
    from deploy.chat.starts import Wish

    async def work(output: "Output") -> int:
        if from_start and after is not None:
            raise ChatError("--from-start and --after exclude each other.")
        if after is not None and not conversations:
            raise ChatError("--after needs a conversation to count in.")
        wish = Wish(after=0 if from_start else after, limit=limit)
        read_via = AUTO if via is Way.AUTO else (Transport(via.value),)
        return await Follower(enter(user, state), output, conversations or (), wish, read_via, as_json=as_json).run()

    raise typer.Exit(execute(work))
