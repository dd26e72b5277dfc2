"""Something that is said at most once in a while."""

import asyncio
from collections.abc import Callable


class Pace:
    """*say* is called at once, and then once in *every_s* seconds while there is more to say."""

    def __init__(self, every_s: float, say: Callable[[], None]) -> None:
        self._every_s, self._say = every_s, say
        self._rest: asyncio.TimerHandle | None = None
        self._has_more = False

    def call(self) -> None:
        """Say it now, or when the pause is over."""
        if self._rest is None:
            self._do()
        else:
            self._has_more = True

    def call_now(self) -> None:
        """Say it now, or not at all."""
        if self._rest is None:
            self._do()

    def finish(self) -> None:
        """Say what there is to say, and no more."""
        if self._rest is not None:
            self._rest.cancel()
        if self._has_more:
            self._has_more = False
            self._say()

    def _do(self) -> None:
        self._has_more = False
        self._rest = asyncio.get_running_loop().call_later(self._every_s, self._rested)
        self._say()

    def _rested(self) -> None:
        self._rest = None
        if self._has_more:
            self._do()
