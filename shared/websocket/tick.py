"""The end of a tick of the event loop, when what a connection was given in it leaves in one write."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.websocket.edge import Edge


class Tick:
    """The connections that this tick has written to. One callback ends it for all of them."""

    __slots__ = ("_edges",)

    def __init__(self) -> None:
        self._edges: list[Edge] = []

    def add(self, edge: "Edge") -> None:
        """Have *edge* uncorked once the callbacks that are due now have run."""
        if not self._edges:
            asyncio.get_running_loop().call_soon(self._end)
        self._edges.append(edge)

    def _end(self) -> None:
        try:
            while self._edges:
                self._edges.pop().uncork()
        finally:
            if self._edges:  # a write raised, which is no reason for the others to wait
                asyncio.get_running_loop().call_soon(self._end)
