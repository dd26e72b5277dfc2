"""Who wants to hear of what, by its kind."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Kind = TypeVar("Kind")


class Listeners:
    """Calls each listener in turn; an error of one is told to the loop, and stops nothing that is on its way."""

    def __init__(self) -> None:
        self._of: defaultdict[type, list[Callable[[Any], None]]] = defaultdict(list)

    def on(self, kind: type[Kind], listener: Callable[[Kind], None]) -> Callable[[], None]:
        """Have *listener* hear of each *kind*; return what ends that."""
        entry = partial(listener)  # another one each time, though the listener be the same
        self._of[kind].append(entry)
        return lambda: self._of[kind].remove(entry) if entry in self._of[kind] else None

    def tell(self, told: object) -> None:
        for listener in tuple(self._of[type(told)]):
            try:
                listener(told)
            except Exception as error:  # noqa: BLE001  # the app's own, which it is to see
                what = {"message": "a listener of the app failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(what)
