"""The frame of a command: what goes wrong is one line on stderr and an exit status, never a traceback."""

from collections.abc import Callable, Coroutine
from typing import Any

from deploy.chat.ending import SIGNALLED, Ending
from deploy.chat.errors import ChatError
from deploy.chat.output import FAILED, Output, say
from deploy.local.errors import LocalError


def execute(work: Callable[[Output], Coroutine[Any, Any, int]]) -> int:
    """Run *work* with stdout; return the exit status."""
    ending = Ending()
    try:
        return ending.run(_work(ending, work))
    except (ChatError, LocalError, OSError) as error:
        say(str(error))
        return FAILED
    except KeyboardInterrupt:  # before it began
        return SIGNALLED + 2


async def _work(ending: Ending, work: Callable[[Output], Coroutine[Any, Any, int]]) -> int:
    output = Output(ending)  # first, so that no file of ours is opened as a stdout that was closed
    ending.watch(output.file)
    return await work(output)
