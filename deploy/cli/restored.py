"""`ringpost restored`: tell a database that it was restored from a backup."""

import asyncio
import sys
from typing import Annotated, NoReturn

import typer


def run(
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Begin another history, after a backup was restored: all positions are void, and every client fetches anew.

    Without it clients that saw what the backup lacks would take other messages for those. Finds the database by
    RINGPOST_POSTGRES_URL, else by RINGPOST_DATA. Gateways that run notice it by themselves. Ends with status 2 where it can't.
    """
    from deploy.local.errors import LocalError
    from deploy.local.servers import TIMEOUT_S, find_servers
    from shared.errors import Unavailable
    from shared.storage.epoch import renew

    try:
        url = find_servers().postgres_url
        if url is None:
            _fail("it is not known which database: set RINGPOST_POSTGRES_URL")
        if not yes and not _is_agreed():
            _fail("nothing was changed; --yes does it without asking")
        before, after = asyncio.run(renew(url, TIMEOUT_S))
    except (LocalError, Unavailable, LookupError) as error:
        _fail(str(error))
    print(f"The history {before} has ended, {after} begins. All clients start over.")


def _is_agreed() -> bool:
    question = "Every client will fetch all that it shows again. Was a backup restored?"
    return sys.stdin.isatty() and typer.confirm(question, default=False)


def _fail(words: str) -> NoReturn:
    print(f"ringpost: {words}", file=sys.stderr)
    raise typer.Exit(2)
