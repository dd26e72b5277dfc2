"""All users of one process of locust: who they are, what they are in, and the book that checks them."""

import random
from collections.abc import Iterator
from itertools import count
from secrets import token_hex

from gevent.lock import Semaphore

from tests.load.mix import Kind, Mix
from tests.load.promises import Book
from tests.load.target import Target
from tests.load.texts import endless, read_texts


class Party:
    """*run* tells its users and conversations from those of any other process or run."""

    def __init__(self, target: Target, mix: Mix) -> None:
        self.target, self.mix, self.run = target, mix, token_hex(4)
        self.book = Book()
        self._numbers = count()
        self._rooms: dict[tuple[Kind, int], str] = {}
        self._making = Semaphore(1)
        self._texts = read_texts()
        self._told = 0

    def next_number(self) -> int:
        return next(self._numbers)

    def name(self, number: int) -> str:
        return f"load-{self.run}-{number}"

    def texts(self, chance: random.Random) -> Iterator[str]:
        return endless(self._texts, chance)

    def rooms_of(self, number: int) -> list[str]:
        """Return the conversations of a user, one of each kind; the first of a group to ask makes its conversation."""
        return [self._room(kind, kind.group_of(number)) for kind in self.mix.kinds]

    def new_breaches(self) -> list[str]:
        """Return, in words, the breaches since the last call."""
        total = self.book.breaches.total()
        fresh, self._told = total - self._told, total
        words = self.book.words[-fresh:] if fresh else []
        return words + ["and another one"] * (fresh - len(words))

    def _room(self, kind: Kind, group: int) -> str:
        with self._making:
            if (kind, group) not in self._rooms:
                owner, *members = map(self.name, kind.members(group))
                self._rooms[kind, group] = self.target.create(self.target.token(owner), members)
            return self._rooms[kind, group]
