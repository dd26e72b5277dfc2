"""How many connections a process of the relay has at most: as many as it is told, if its files allow that. A pure core."""

SPARE_FILES, FILES = 200, 2


class Room:
    """Places for connections, which both virtual services of a process share. *files*: how many the process may have."""

    def __init__(self, wanted: int, files: int) -> None:
        self.wanted = wanted
        self.limit = max(1, min(wanted, (files - SPARE_FILES) // FILES))
        self.taken = 0

    @property
    def is_short(self) -> bool:
        """Whether the files allow fewer than are wanted."""
        return self.limit < self.wanted

    @property
    def is_full(self) -> bool:
        return self.taken >= self.limit

    def take(self) -> bool:
        """Take a place; say whether there was one."""
        if self.is_full:
            return False
        self.taken += 1
        return True

    def leave(self) -> None:
        self.taken -= 1
