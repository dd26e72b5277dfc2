"""A connection that goes and comes, in words on stderr."""

from collections.abc import Callable

from ringpost_client import State


class States:
    """Says that the connection is away, and that it is there again; that it is there at first goes without saying."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._was_away = False

    def tell(self, state: State) -> None:
        if not state.is_up:
            self._say(f"disconnected ({state.reason}); trying again.")
        elif self._was_away:
            self._say("connected again.")
        self._was_away = not state.is_up
