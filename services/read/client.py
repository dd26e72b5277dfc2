"""Who reads live, as far as anybody but their transport must know."""

from collections.abc import Hashable
from typing import Protocol

from shared.auth import Identity


class Client(Hashable, Protocol):
    """A socket or an event stream of a user."""

    @property
    def user(self) -> str: ...

    @property
    def identity(self) -> Identity | None: ...

    def send(self, payload: bytes) -> None:
        """Send one JSON frame."""
