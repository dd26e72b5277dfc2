"""`ringpost send`: say something in a conversation, from a terminal or a script."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from deploy.chat.output import Output


def run(
    user: Annotated[str, typer.Option("--as", metavar="USER", help="Who says it.")],
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION", help="Its title or id.")],
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="The message; else each line of stdin is one.")
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="Create the conversation unless it is there.")] = False,
    member: Annotated[list[str] | None, typer.Option(metavar="USER", help="With --create: who else is in it.")] = None,
    id: Annotated[
        UUID | None, typer.Option("--id", metavar="UUID", help="The message's id: sent again, it is the same one.")
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Give up when nothing is acknowledged for so long.")
    ] = 30,
    state: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the outbox is kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what becomes of each message as a JSON object.")] = False,
) -> None:
    """Send messages, and print the number that each got; "again" after it if it was there already.

    A message is in the outbox on disk before it goes out. What was not acknowledged when the command ended, however it ended,
    goes out first when the same user sends again. Ends with 1 if a message was refused, with 2 if it could not be done.
    Finds the system by RINGPOST_DATA, RINGPOST_READ_PORT and RINGPOST_WRITE_PORT.
    """
    from deploy.chat.command import execute
    from deploy.chat.drafts import draft_lines, draft_words
    from deploy.chat.entry import enter
    from deploy.chat.errors import ChatError
    from deploy.chat.output import Prompt
    from deploy.chat.report import Report
    from deploy.chat.sender import Sender
    from deploy.chat.stdin import Stdin
    from deploy.chat.target import find_target, make_target

    async def work(output: "Output") -> int:
        if member and not create:
            raise ChatError("--member goes with --create.")
        if id is not None and not text:
            raise ChatError("--id goes with a TEXT.")
        if not text and sys.stdin is None:
            raise ChatError("stdin is closed, and there is no TEXT.")
        entry = enter(user, state)
        target = await (make_target(entry, conversation, member or ()) if create else find_target(entry, conversation))
        prompt = Prompt(is_shown=not text and sys.stdin.isatty())
        drafts = draft_words(text, str(id) if id else None) if text else draft_lines(Stdin().lines(), prompt)
        waits = None if prompt.is_shown else wait  # a person sees that it is away, and presses Ctrl-C
        return await Sender(entry, target, Report(output, as_json=as_json), prompt, waits).run(drafts)

    raise typer.Exit(execute(work))
